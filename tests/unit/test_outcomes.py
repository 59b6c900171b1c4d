"""What becomes of a ticket, case by case."""

import pytest

from common.errors import NotFound, Unavailable
from common.orders.events import ContractBroken
from kitchen_service.outcomes import (
    OUTCOMES,
    CookedElsewhere,
    DeadLettered,
    Done,
    GivenUp,
    InOtherHands,
    Outcome,
    PutOff,
    Retried,
    TryLater,
    outcome_of,
    reason,
)

PAUSES = (1.0, 5.0, 60.0)
BURNT, AWAY, ELSEWHERE = ValueError("burnt"), Unavailable("away"), CookedElsewhere("by anna")


@pytest.mark.parametrize(
    ("failure", "attempts", "is_stopping", "expected"),
    [
        (None, 0, False, Done()),
        (None, 9, True, Done()),
        (BURNT, 0, False, Retried(BURNT, 1.0)),
        (BURNT, 2, True, Retried(BURNT, 60.0)),
        (BURNT, 3, False, DeadLettered(BURNT, fails_order=True)),
        (BURNT, 99, False, DeadLettered(BURNT, fails_order=True)),
        (AWAY, 0, False, PutOff(AWAY, 60.0)),
        (AWAY, 3, False, PutOff(AWAY, 60.0)),
        (AWAY, 3, True, PutOff(AWAY, None)),
        (ELSEWHERE, 3, False, InOtherHands(ELSEWHERE, 1.0)),
    ],
)
def test_what_becomes_of_a_ticket(
    failure: Exception | None, attempts: int, is_stopping: bool, expected: Outcome
) -> None:
    assert outcome_of(failure, attempts, PAUSES, is_stopping=is_stopping) == expected


@pytest.mark.parametrize("failure", [ContractBroken("no number"), NotFound("none"), GivenUp("before")])
@pytest.mark.parametrize("attempts", [0, 3])
def test_what_no_repetition_heals_is_a_dead_letter_at_once(failure: Exception, attempts: int) -> None:
    assert outcome_of(failure, attempts, PAUSES, is_stopping=False) == DeadLettered(failure, fails_order=False)


def test_an_order_whose_rows_are_held_counts_an_attempt() -> None:
    held = TryLater("held")
    assert outcome_of(held, 1, PAUSES, is_stopping=False) == Retried(held, 5.0)


def test_each_outcome_is_counted_under_a_name_of_its_own() -> None:
    assert sorted(outcome.name for outcome in OUTCOMES) == [
        "dead_lettered", "done", "in_other_hands", "put_off", "retried",
    ]  # fmt: skip


def test_a_reason_is_one_line_and_not_endless() -> None:
    assert reason(ValueError("burnt\nand more")) == "ValueError: burnt"
    assert len(reason(ValueError("x" * 1000))) == 300
