"""The table of mutants is up to date: each mechanism stands where it says, once, and its test is there."""

import pytest

from tests.mutants.table import MUTANTS, Mutant
from tests.support.expedite import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mechanism_and_its_test_are_where_the_table_says(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.code) == 1
    file, _, name = mutant.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).exists()
