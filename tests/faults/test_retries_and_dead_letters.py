"""A failure that may heal is tried again; one that does not becomes a dead letter."""

import json
import subprocess
import sys
import time
from typing import Any

import amqp
import pytest

from devstack.postgres import Postgres
from tests.support import oven
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tests.support.locks import held
from tests.support.servers import take_down

_OUTAGE = 15  # seconds


def _dead_letters(expedite: Expedite, *arguments: str) -> list[dict[str, Any]]:
    """The command line of dead letters, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "kitchen_service.dead_letters", *arguments],
        cwd=ROOT,
        env=expedite.environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=90,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_failure_that_heals_is_tried_again_and_holds_up_nobody(expedite: Expedite) -> None:
    expedite.query(oven.BREAK)
    expedite.start("order_service")
    worker = expedite.start_worker(RETRY_PAUSES="0.3,0.3,2,2,2,2,2,2")
    unlucky = expedite.place(customer_name="Unlucky")["order_number"]
    behind = [expedite.place()["order_number"] for _ in range(3)]

    for number in behind:
        expedite.wait_for(number, "ready")
    eventually(lambda: len(worker.actions("message_processing_failed")) >= 2)
    assert expedite.status(unlucky) == "received"
    expedite.query(oven.HEAL)
    expedite.wait_for(unlucky, "ready")

    assert expedite.history(unlucky) == ["received", "cooking", "ready"]
    assert _dead_letters(expedite, "list") == []
    eventually(expedite.is_settled)


def test_an_order_whose_row_is_held_is_cooked_later_and_those_behind_it_meanwhile(expedite: Expedite) -> None:
    expedite.start("order_service")
    locked, *behind = [expedite.place_number() for _ in range(4)]
    with held(expedite, "select * from orders where number = %s for update", locked):
        worker = expedite.start_worker(STATEMENT_TIMEOUT=0.5, RETRY_PAUSES="0.5,0.5,1,1,1,1,1,1,1,1")
        for number in behind:
            expedite.wait_for(number, "ready")
        eventually(lambda: len(worker.actions("message_processing_failed")) >= 2, 20)
        assert expedite.status(locked) == "received"

    expedite.wait_for(locked, "ready")
    assert expedite.history(locked) == ["received", "cooking", "ready"]
    assert expedite.cooked() == [*behind, locked]
    assert _dead_letters(expedite, "list") == []
    eventually(expedite.is_settled)


def test_a_ticket_is_no_dead_letter_as_long_as_its_orders_history_cannot_say_so(expedite: Expedite) -> None:
    expedite.start("order_service")
    locked = expedite.place_number()
    with held(expedite, "select * from orders where number = %s for update", locked):
        worker = expedite.start_worker(STATEMENT_TIMEOUT=0.5, RETRY_PAUSES="0.2")
        eventually(lambda: len(worker.actions("message_processing_failed")) >= 3, 30)
        assert _dead_letters(expedite, "list") == []

    # Whether the lock went before the last attempt or after it: the order and its letter agree.
    end = eventually(
        lambda: expedite.status(locked) if expedite.status(locked) in ("ready", "failed") else None, 30
    )
    eventually(lambda: len(_dead_letters(expedite, "list")) == (1 if end == "failed" else 0))
    assert expedite.history(locked)[-1] == end


def test_an_order_whose_row_is_held_when_it_is_done_is_ready_later(expedite: Expedite) -> None:
    expedite.start("order_service")
    worker = expedite.start_worker(STATEMENT_TIMEOUT=0.5, COOKING_SPEED=2, RETRY_PAUSES="0.5,0.5,1,1,1,1,1,1,1,1")
    locked, behind = expedite.place_number(), expedite.place_number()
    expedite.wait_for(locked, "cooking")
    with held(expedite, "select * from orders where number = %s for update", locked):
        expedite.wait_for(behind, "ready")
        eventually(lambda: worker.actions("message_processing_failed"))
        assert expedite.status(locked) == "cooking"

    expedite.wait_for(locked, "ready")
    assert expedite.history(locked) == ["received", "cooking", "ready"]
    assert expedite.query("select orders_processed from workers") == [(2,)]
    assert _dead_letters(expedite, "list") == []
    eventually(expedite.is_settled)


def test_postgresql_away_for_longer_than_all_retries_makes_no_dead_letter(
    expedite: Expedite, postgres: Postgres
) -> None:
    expedite.start("order_service")
    expedite.start_worker(COOKING_SPEED=5, RETRY_PAUSES="0.1,0.1")
    numbers = [expedite.place_number() for _ in range(3)]
    expedite.wait_for(numbers[0], "cooking")

    take_down(postgres, "stop")
    time.sleep(_OUTAGE)
    postgres.start()

    for number in numbers:
        expedite.wait_for(number, "ready", within=30)
        assert expedite.history(number) == ["received", "cooking", "ready"]
    assert _dead_letters(expedite, "list") == []
    eventually(expedite.is_settled)


@pytest.mark.one_of_its_kind
def test_after_its_attempts_a_ticket_is_a_dead_letter_that_can_be_replayed(expedite: Expedite) -> None:
    expedite.query(oven.BREAK)
    expedite.start("order_service")
    expedite.start_worker("chef_mario", RETRY_PAUSES="0.1,0.2")
    number = expedite.place(customer_name="Unlucky", order_type="delivery", delivery_address="1 Fire Lane, Oven")[
        "order_number"
    ]

    expedite.wait_for(number, "failed")
    [letter] = eventually(lambda: _dead_letters(expedite, "list"))
    assert letter["order_number"] == number
    assert letter["queue"] == "kitchen.delivery"
    assert letter["attempts"] == 3
    assert "the oven is on fire" in letter["reason"]
    assert letter["failed_by"] == "chef_mario"
    assert letter["failed_at"].endswith("Z")
    [(changed_by, reason)] = expedite.query(
        "select changed_by, l.reason from order_status_log l join orders o on o.id = l.order_id"
        " where number = %s and l.status = 'failed'",
        number,
    )
    assert changed_by == "kitchen"
    assert "the oven is on fire" in reason

    # Replayed too early it fails at once and comes back, with its count kept.
    assert [each["id"] for each in _dead_letters(expedite, "replay", letter["id"])] == [letter["id"]]
    [again] = eventually(lambda: [each for each in _dead_letters(expedite, "list") if each["attempts"] == 4])
    assert again["id"] == letter["id"]

    expedite.query(oven.HEAL)
    assert _dead_letters(expedite, "replay", "--all", "--reason", "something else") == []
    assert len(_dead_letters(expedite, "replay", "--all", "--queue", "kitchen.delivery")) == 1
    expedite.wait_for(number, "ready")
    assert expedite.history(number) == ["received", "failed", "received", "failed", "received", "cooking", "ready"]
    assert _dead_letters(expedite, "list") == []


def test_a_dead_letter_can_be_shown_and_dropped(expedite: Expedite) -> None:
    expedite.start_worker()
    with expedite.channel() as channel:
        channel.basic_publish(amqp.Message("no json", message_id="bad-1"), "", "kitchen.takeout")
        channel.basic_publish(amqp.Message("[1]", message_id="bad-2"), "", "kitchen.dine_in")

    eventually(lambda: {each["id"] for each in _dead_letters(expedite, "list")} == {"bad-1", "bad-2"})
    assert _dead_letters(expedite, "show", "bad-1")[0]["body"] == "no json"
    assert [each["id"] for each in _dead_letters(expedite, "list", "--queue", "kitchen.dine_in")] == ["bad-2"]
    assert [each["id"] for each in _dead_letters(expedite, "drop", "bad-1")] == ["bad-1"]
    assert [each["id"] for each in _dead_letters(expedite, "list")] == ["bad-2"]


@pytest.mark.parametrize("arguments", [["replay"], ["drop"], ["drop", "x", "--all"]])
def test_nothing_is_replayed_or_dropped_by_accident(expedite: Expedite, arguments: list[str]) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "kitchen_service.dead_letters", *arguments],
        cwd=ROOT,
        env=expedite.environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert refused.returncode == 2
    assert "--all" in refused.stderr
