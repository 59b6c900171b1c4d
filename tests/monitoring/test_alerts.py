"""The alerts fire when they should and not when they should not, and say what to do."""

import re

import pytest
import yaml

from tests.support.expedite import ROOT
from tests.support.prometheus import DEPLOYED, promtool, rules

OPERATIONS = (ROOT / "docs/operations.md").read_text()
CASES = ROOT / "tests/monitoring/alerts.yml"
NAMES = [rule["alert"] for rule in rules()]


def test_prometheus_can_read_its_files() -> None:
    for arguments in (
        ("check", "config", DEPLOYED / "prometheus.yml"),
        ("check", "rules", "--lint-fatal", DEPLOYED / "alerts.yml"),
    ):
        checked = promtool(*arguments)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_fires_when_it_should_and_does_not_when_it_should_not() -> None:
    tested = promtool("test", "rules", CASES)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    cases = yaml.safe_load(CASES.read_text())["tests"]
    for name in NAMES:
        fires = {
            bool(asked["exp_samples"])
            for case in cases
            for asked in case["promql_expr_test"]
            if f'alertname="{name}"' in asked["expr"]
        }
        assert fires == {True, False}, name


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_says_what_it_means_and_where_stands_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    name = str(rule["alert"])
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert re.search(rf"^#### {name}$", OPERATIONS, re.MULTILINE), "docs/operations.md has no such heading"


def test_what_is_to_be_done_is_said_of_alerts_that_there_are() -> None:
    assert re.findall(r"^#### (\w+)$", OPERATIONS, re.MULTILINE) == NAMES
