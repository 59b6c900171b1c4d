"""Tickets that went missing are sent again, and no others; what is stuck is reported."""

from datetime import datetime
from typing import Any

import pytest
import requests

from devstack.rabbitmq import RabbitMQ
from order_service.orders import sweeping
from tests.support import oven
from tests.support.eventually import eventually
from tests.support.expedite import PIZZA, Expedite, Process
from tests.support.locks import held
from tests.support.queues import full

AT_A_TABLE = {"order_type": "dine_in", "table_number": 1}
SWEEPING = {"SWEEP_INTERVAL": 0.3, "SWEEP_GRACE": 1, "STUCK_RECEIVED": 1, "STUCK_COOKING": 1}
SWEEPS = 6  # rounds of the sweeper that are watched, to see that it leaves something alone
# When nobody orders, it is the sweeper that ends transactions.
_TRIED = "select query_start from pg_stat_activity where query = 'COMMIT' and datname = current_database()"


@pytest.fixture
def desk(expedite: Expedite) -> Process:
    return expedite.start("order_service", **SWEEPING)


def sent_again(*desks: Process) -> list[str]:
    return sorted(line["details"]["order_number"] for desk in desks for line in desk.actions("order_sent_again"))


def sweep(*desks: Process) -> None:
    """Until they have made some rounds from now on, with an order that is past the grace: each round says that it
    is stuck."""

    def rounds() -> int:
        return sum(len(desk.actions("orders_stuck")) for desk in desks)

    before = rounds()
    eventually(lambda: rounds() >= before + SWEEPS, 20)


def is_waiting(expedite: Expedite, order_type: str, count: int) -> None:
    """Until so many tickets wait and the outbox is empty."""
    eventually(
        lambda: (
            expedite.waiting(f"kitchen.{order_type}") == count
            and expedite.query("select count(*) from outbox") == [(0,)]
        )
    )


def purge(expedite: Expedite, order_type: str) -> None:
    with expedite.channel() as channel:
        channel.queue_purge(f"kitchen.{order_type}")


@pytest.mark.one_of_its_kind
def test_the_tickets_of_a_purged_queue_are_sent_again_once_and_no_others(
    expedite: Expedite, desk: Process
) -> None:
    other = expedite.start("order_service", **SWEEPING)
    lost = sorted(
        expedite.place_number(items=[PIZZA, {**PIZZA, "note": note}], allergies=allergies)
        for note, allergies in (("no basil", ["gluten", "nuts"]), (None, []), ("well done “please”", None))
    )
    waiting = [expedite.place_number(**AT_A_TABLE) for _ in range(3)]
    is_waiting(expedite, "takeout", 3)
    is_waiting(expedite, "dine_in", 3)
    originals = {ticket["order_number"]: ticket for ticket in expedite.tickets("takeout")}
    sweep(desk, other)
    assert sent_again(desk, other) == []

    purge(expedite, "takeout")
    eventually(lambda: len(sent_again(desk, other)) >= 3)
    is_waiting(expedite, "takeout", 3)
    sweep(desk, other)
    assert sent_again(desk, other) == lost
    copies = {ticket["order_number"]: ticket for ticket in expedite.tickets("takeout")}
    assert sorted(copies) == lost
    for number, copy in copies.items():
        new = {"event_id": copy["event_id"], "request_id": copy["request_id"]}
        assert copy == {**originals[number], **new}
        assert new["event_id"] != originals[number]["event_id"]
    notes = sorted(str(copy["items"][1].get("note")) for copy in copies.values())
    assert notes == ["None", "no basil", "well done “please”"]
    assert sorted(len(copy["allergies"]) for copy in copies.values()) == [0, 0, 2]

    expedite.start_worker()
    for number in lost + waiting:
        expedite.wait_for(number, "ready")
        assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select orders_processed from workers") == [(6,)]


def test_a_ticket_that_goes_missing_twice_is_given_its_grace_each_time(expedite: Expedite, desk: Process) -> None:
    number = expedite.place_number()
    is_waiting(expedite, "takeout", 1)
    purge(expedite, "takeout")
    eventually(lambda: sent_again(desk) == [number])
    is_waiting(expedite, "takeout", 1)
    purge(expedite, "takeout")
    eventually(lambda: sent_again(desk) == [number] * 2)
    is_waiting(expedite, "takeout", 1)

    first, second = (
        datetime.fromisoformat(line["timestamp"]).timestamp() for line in desk.actions("order_sent_again")
    )
    assert second - first > SWEEPING["SWEEP_GRACE"]


def test_no_process_sweeps_while_another_does(expedite: Expedite, desk: Process) -> None:
    number = expedite.place_number()
    is_waiting(expedite, "takeout", 1)
    with held(expedite, "select pg_advisory_lock(%s)", sweeping._SWEEPER_LOCK):
        purge(expedite, "takeout")
        attempts: set[Any] = set()

        def has_tried() -> bool:
            attempts.update(expedite.query(_TRIED))
            return len(attempts) >= 2 * SWEEPS

        eventually(has_tried, 30)
        assert sent_again(desk) == []

    eventually(lambda: sent_again(desk) == [number])


def test_a_ticket_missing_from_a_queue_that_is_not_empty_is_sent_again_when_one_behind_it_was_taken(
    expedite: Expedite, desk: Process
) -> None:
    lost, taken, waits = [expedite.place_number() for _ in range(3)]
    is_waiting(expedite, "takeout", 3)
    with expedite.channel() as channel:
        head = channel.basic_get("kitchen.takeout")
        channel.basic_ack(head.delivery_tag)
    assert lost in head.body
    sweep(desk)
    assert sent_again(desk) == []

    expedite.start_worker("slow", COOKING_SPEED=0.5, ORDER_TYPES="takeout")
    expedite.wait_for(taken, "cooking")
    eventually(lambda: sent_again(desk))
    sweep(desk)
    assert sent_again(desk) == [lost]
    assert [expedite.status(number) for number in (lost, taken, waits)] == ["received", "cooking", "received"]

    expedite.start_worker("fast", ORDER_TYPES="takeout")
    for number in (lost, waits):
        expedite.wait_for(number, "ready")
        assert expedite.history(number) == ["received", "cooking", "ready"]


def test_a_taken_order_of_higher_priority_says_nothing_about_those_below_it(
    expedite: Expedite, desk: Process
) -> None:
    waits = expedite.place_number()
    urgent = expedite.place_number(items=[{"name": "Truffle", "quantity": 1, "price": 100.01}])
    is_waiting(expedite, "takeout", 2)
    expedite.start_worker("slow", COOKING_SPEED=0.5, ORDER_TYPES="takeout")
    expedite.wait_for(urgent, "cooking")
    sweep(desk)
    sweep(desk)

    assert sent_again(desk) == []
    assert [expedite.status(number) for number in (waits, urgent)] == ["received", "cooking"]


def test_an_order_that_waits_to_be_tried_again_is_left_alone_until_then(expedite: Expedite, desk: Process) -> None:
    expedite.query(oven.BREAK)
    worker = expedite.start_worker(RETRY_PAUSES="5,60")
    number = expedite.place_number(customer_name="Unlucky")
    eventually(lambda: worker.actions("message_processing_failed"))
    assert expedite.waiting("kitchen.takeout") == 0
    sweep(desk)
    assert sent_again(desk) == []
    eventually(lambda: len(worker.actions("message_processing_failed")) == 2)
    sweep(desk)
    assert sent_again(desk) == []

    # Its time has come, and its ticket has not.
    with expedite.channel() as channel:
        channel.queue_purge("retry.60s")
    expedite.query(oven.HEAL)
    expedite.query("update orders set retry_at = now() where number = %s", number)
    expedite.wait_for(number, "ready")
    assert sent_again(desk) == [number]
    assert expedite.history(number) == ["received", "cooking", "ready"]


def test_an_order_that_is_still_in_the_outbox_is_left_alone(
    expedite: Expedite, desk: Process, rabbitmq: RabbitMQ
) -> None:
    with full(rabbitmq, expedite, at=0):
        numbers = [expedite.place_number() for _ in range(2)]
        sweep(desk)
        assert sent_again(desk) == []
        assert expedite.query("select count(*) from outbox") == [(2,)]

    is_waiting(expedite, "takeout", 2)
    assert sorted(ticket["order_number"] for ticket in expedite.tickets("takeout")) == numbers


def test_an_order_whose_worker_died_and_whose_ticket_went_missing_is_cooked_to_its_end(
    expedite: Expedite, desk: Process
) -> None:
    victim = expedite.start_worker("victim", COOKING_SPEED=0.1, HEARTBEAT_INTERVAL=1.5)
    number = expedite.place_number()
    expedite.wait_for(number, "cooking")
    sweep(desk)
    assert sent_again(desk) == []  # its worker is there

    victim.kill()
    is_waiting(expedite, "takeout", 1)
    purge(expedite, "takeout")
    eventually(lambda: sent_again(desk) == [number])
    expedite.start_worker("heir")
    expedite.wait_for(number, "ready")
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select processed_by from orders") == [("heir",)]
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("heir", 1),
        ("victim", 0),
    ]


def test_orders_that_people_have_are_left_alone(expedite: Expedite, desk: Process) -> None:
    expedite.start_worker(COOKING="staffed")
    accepted, cooking = [expedite.place_number() for _ in range(2)]
    eventually(lambda: expedite.query("select count(*) from orders where accepted_by = 'chef_mario'") == [(2,)])
    with expedite.rpc() as rpc:
        rpc.kitchen_service.move_order(cooking, "cooking", "Grace")
    sweep(desk)

    assert sent_again(desk) == []
    assert [expedite.status(number) for number in (accepted, cooking)] == ["received", "cooking"]


def test_stuck_orders_are_logged_and_shown_to_everybody_who_asks(expedite: Expedite, desk: Process) -> None:
    expedite.start("tracking_service", **SWEEPING)
    expedite.start_worker(COOKING_SPEED=0.1)
    cooking = expedite.place_number()
    expedite.wait_for(cooking, "cooking")
    waiting = expedite.place_number()
    done = expedite.place()
    assert requests.post(expedite.with_key(done, "/cancel"), timeout=10).status_code == 200

    def stuck() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = expedite.track("/orders/stuck")
        assert [order["order_number"] for order in found] == [cooking, waiting]
        return found

    first, second = eventually(stuck)
    assert (first["status"], first["processed_by"]) == ("cooking", "chef_mario")
    assert (second["status"], second["processed_by"]) == ("received", None)
    assert first["seconds"] >= 1
    with expedite.rpc() as rpc:
        assert [order["order_number"] for order in rpc.order_service.list_stuck_orders()] == [cooking, waiting]
    [line, *_] = eventually(
        lambda: [each for each in desk.actions("orders_stuck") if len(each["details"]["orders"]) == 2]
    )
    assert [order["order_number"] for order in line["details"]["orders"]] == [cooking, waiting]
    assert line["level"] == "WARNING"


@pytest.mark.one_of_its_kind
def test_keys_older_than_24_hours_are_forgotten(expedite: Expedite, desk: Process) -> None:
    expedite.query(
        "insert into idempotency_keys (key, fingerprint, answer, created_at)"
        " select k, 'f', '{}', now() - age from (values"
        " ('old', interval '24 hours 1 minute'), ('young', interval '23 hours 59 minutes')) t (k, age)"
    )
    eventually(lambda: expedite.query("select key from idempotency_keys") == [("young",)])
    assert not desk.actions("sweep_failed")


def test_old_keys_that_cannot_be_forgotten_keep_no_ticket_from_being_sent_again(
    expedite: Expedite, desk: Process
) -> None:
    expedite.query(
        "insert into idempotency_keys (key, fingerprint, answer, created_at)"
        " select k, 'f', '{}', now() - interval '2 days' from generate_series(1, 5000) k"
    )
    with held(expedite, "select from idempotency_keys where key = '7' for update"):
        number = expedite.place_number(**AT_A_TABLE)
        is_waiting(expedite, "dine_in", 1)
        purge(expedite, "dine_in")
        eventually(lambda: sent_again(desk) == [number])
        is_waiting(expedite, "dine_in", 1)
        eventually(lambda: expedite.query("select key from idempotency_keys") == [("7",)])
    assert not desk.actions("sweep_failed")


# What is found wrong with a ticket only at the commit.
_REFUSED_AT_COMMIT = """
    create function refuse() returns trigger language plpgsql as $$
    begin
        raise exception 'not this one';
    end $$;
    create constraint trigger refuse after insert on outbox
        deferrable initially deferred for each row execute function refuse()
"""


def test_a_ticket_is_said_to_be_sent_again_when_it_was_and_not_before(expedite: Expedite, desk: Process) -> None:
    number = expedite.place_number()
    is_waiting(expedite, "takeout", 1)
    expedite.query(_REFUSED_AT_COMMIT)
    purge(expedite, "takeout")
    eventually(lambda: len(desk.actions("sweep_failed")) >= 2)
    assert sent_again(desk) == []

    expedite.query("drop trigger refuse on outbox")
    eventually(lambda: sent_again(desk) == [number])
    is_waiting(expedite, "takeout", 1)


def test_a_sweep_forgets_some_old_keys_and_the_next_ones_the_others(expedite: Expedite) -> None:
    count = sweeping._MAX_KEYS * sweeping._MAX_ROUNDS + 1
    expedite.query(
        "insert into idempotency_keys (key, fingerprint, answer, created_at)"
        " select k, 'f', '{}', now() - interval '2 days' + k * interval '1 ms'"
        f" from generate_series(1, {count}) k"
    )
    expedite.start("order_service", **{**SWEEPING, "SWEEP_INTERVAL": 4})
    # The youngest is left for the next sweep.
    eventually(lambda: expedite.query("select key from idempotency_keys") == [(str(count),)], 20)
    eventually(lambda: expedite.query("select key from idempotency_keys") == [], 20)


def test_thousands_of_waiting_orders_do_not_keep_it_from_its_rounds(expedite: Expedite, desk: Process) -> None:
    lost = expedite.place_number(**AT_A_TABLE)
    expedite.place_number()
    is_waiting(expedite, "dine_in", 1)
    is_waiting(expedite, "takeout", 1)
    expedite.query(
        "insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,"
        " sequence, placed_at, updated_at)"
        " select 'ORD_20200101_' || n, 'Ada', 'takeout', 10, 1, 10, 'received', 1, now(), now()"
        " from generate_series(10001, 30000) n"
    )
    sweep(desk)
    purge(expedite, "dine_in")
    eventually(lambda: sent_again(desk) == [lost])
    is_waiting(expedite, "dine_in", 1)
    assert not desk.actions("sweep_failed")
