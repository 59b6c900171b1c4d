"""Clearing an order that was cancelled or failed: it leaves the boards."""

import pytest

from common.errors import IllegalMove, NotFound
from kitchen_service import clearing
from tests.integration.conftest import Transaction
from tests.integration.test_moves import CHEF, STAFF, SYSTEM, Kitchen
from tests.support.expedite import Expedite


@pytest.fixture
def kitchen(transaction: Transaction, expedite: Expedite) -> Kitchen:
    return Kitchen(transaction, expedite)


def clear(kitchen: Kitchen, transaction: Transaction) -> None:
    with transaction() as session:
        clearing.clear(session, kitchen.number)


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_it_is_cleared_once(kitchen: Kitchen, transaction: Transaction, status: str) -> None:
    kitchen.move(status, STAFF)
    clear(kitchen, transaction)
    cleared_at = kitchen.stored("cleared_at")
    assert cleared_at is not None
    clear(kitchen, transaction)
    assert kitchen.stored("cleared_at") == cleared_at
    assert [row[1] for row in kitchen.log()] == ["received", status]
    assert len(kitchen.sent()) == 1


@pytest.mark.parametrize(
    ("steps", "detail", "allowed"),
    [
        (
            [],
            "is received: only what was cancelled or failed is cleared. Move",
            ["cooking", "cancelled", "failed"],
        ),
        (["cooking"], "is cooking: ", ["ready", "cancelled", "failed"]),
        (["cooking", "ready"], "is ready: ", ["cooking", "completed"]),
        (["cooking", "ready", "completed"], "is completed: only what was cancelled or failed is cleared.", []),
    ],
)
def test_what_goes_on_or_is_done_is_not(
    kitchen: Kitchen, transaction: Transaction, steps: list[str], detail: str, allowed: list[str]
) -> None:
    for step in steps:
        kitchen.move(step, STAFF)
    with pytest.raises(IllegalMove) as refusal:
        clear(kitchen, transaction)
    assert f"{kitchen.number} {detail}" in refusal.value.detail
    assert ("Move it on" in refusal.value.detail) == bool(allowed)
    assert refusal.value.extra["allowed"] == allowed
    assert kitchen.stored("cleared_at") is None


def test_one_that_fails_again_is_on_the_boards_again(kitchen: Kitchen, transaction: Transaction) -> None:
    kitchen.move("failed", SYSTEM)
    clear(kitchen, transaction)
    kitchen.move("received", SYSTEM)
    assert kitchen.stored("cleared_at") is None
    kitchen.move("cooking", CHEF)
    kitchen.move("failed", SYSTEM)
    assert kitchen.stored("cleared_at") is None


def test_an_unknown_order_is_not_found(kitchen: Kitchen, transaction: Transaction) -> None:
    kitchen.number = "ORD_20261122_999999"
    with pytest.raises(NotFound):
        clear(kitchen, transaction)
