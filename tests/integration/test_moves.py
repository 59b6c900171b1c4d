"""Moving orders: who wins, what is written, and what is refused."""

import itertools
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import jsonschema
import pytest

from common.errors import IllegalMove, NotFound
from common.observability import logs
from common.orders import events, moves
from common.orders.moves import Actor, Moved
from order_service.orders import placing
from order_service.orders.placing import NewOrder
from tests.integration.conftest import Transaction
from tests.support import forms as order_form
from tests.support.expedite import Expedite, an_order
from tests.unit.test_lifecycle import ROLES, STATUSES, TYPES, is_allowed

CHEF = Actor("chef_mario", "worker", uuid.uuid4())
STAFF = Actor("Maria", "employee")
GUEST = Actor("customer", "customer")
SYSTEM = Actor("kitchen", "kitchen")
CONTRACT = jsonschema.Draft7Validator(events.contract("order_status_changed"))
WHERE = {"dine_in": {"table_number": 5}, "takeout": {}, "delivery": {"delivery_address": "12 Harbour Street"}}


class Kitchen:
    """One order, and the moves made on it."""

    def __init__(self, transaction: Transaction, expedite: Expedite) -> None:
        self._transaction = transaction
        self._expedite = expedite
        self.number = self.place("takeout")

    def place(self, order_type: str) -> str:
        form = order_form.read(an_order(order_type=order_type, **WHERE[order_type]))
        with self._transaction() as session:
            [placed] = placing.place(session, [NewOrder.of(form, "customer")])
        self._expedite.query("delete from outbox")
        return placed.number

    def move(self, target: str, actor: Actor = STAFF, number: str | None = None, **options: Any) -> Moved:
        with self._transaction() as session:
            return moves.move(session, "kitchen_service", number or self.number, target, actor, **options)

    def sent(self) -> list[dict[str, Any]]:
        return [row[0] for row in self._expedite.query("select body from outbox order by id")]

    def log(self) -> list[tuple[Any, ...]]:
        return self._expedite.query(
            "select l.sequence, l.status, l.changed_by, l.reason from order_status_log l"
            " join orders o on o.id = l.order_id where o.number = %s order by 1",
            self.number,
        )

    def stored(self, column: str) -> Any:
        return self._expedite.query(f"select {column} from orders where number = %s", self.number)[0][0]


@pytest.fixture
def kitchen(transaction: Transaction, expedite: Expedite) -> Kitchen:
    return Kitchen(transaction, expedite)


def at_once(*attempts: Any) -> list[Any]:
    """What each attempt, made in its own thread at the same moment, returned or raised."""
    start = Barrier(len(attempts))

    def attempt(what: Any) -> Any:
        start.wait(10)
        try:
            return what()
        except Exception as exc:
            return exc

    with ThreadPoolExecutor(len(attempts)) as threads:
        return list(threads.map(attempt, attempts))


def test_of_two_moves_at_once_exactly_one_wins(kitchen: Kitchen) -> None:
    for _ in range(5):
        kitchen.number = kitchen.place("takeout")
        results = at_once(
            lambda: kitchen.move("cancelled", GUEST),
            lambda: kitchen.move("cooking", CHEF),
        )
        won = [result for result in results if isinstance(result, Moved)]
        [lost] = [result for result in results if not isinstance(result, Moved)]
        assert [moved.changed for moved in won] == [True]
        assert isinstance(lost, IllegalMove)
        assert lost.extra["current_status"] == won[0].status == kitchen.stored("status")
        assert [row[1] for row in kitchen.log()] == ["received", won[0].status]
        assert len(kitchen.sent()) == 1


def test_the_same_move_from_ten_at_once_is_made_once(kitchen: Kitchen) -> None:
    results = at_once(*[lambda: kitchen.move("cooking", CHEF)] * 10)
    assert sorted(result.changed for result in results) == [False] * 9 + [True]
    assert {result.fence for result in results} == {1}
    assert [row[1] for row in kitchen.log()] == ["received", "cooking"]
    assert len(kitchen.sent()) == 1


def test_the_same_move_again_changes_nothing(kitchen: Kitchen) -> None:
    first = kitchen.move("cancelled", GUEST, reason="changed my mind")
    again = kitchen.move("cancelled", STAFF, reason="another reason")
    assert (first.changed, again.changed) == (True, False)
    assert (again.status, again.updated_at) == ("cancelled", first.updated_at)
    assert kitchen.stored("reason") == "changed my mind"
    assert kitchen.log() == [
        (1, "received", "customer", None),
        (2, "cancelled", "customer", "changed my mind"),
    ]
    assert [event["reason"] for event in kitchen.sent()] == ["changed my mind"]


def test_an_illegal_move_names_the_status_and_the_moves_allowed(kitchen: Kitchen) -> None:
    kitchen.move("cooking", CHEF)
    for actor, target, allowed in (
        (GUEST, "cancelled", []),
        (CHEF, "completed", ["ready"]),
        (STAFF, "out_for_delivery", ["ready", "cancelled", "failed"]),
        (SYSTEM, "ready", ["failed"]),
    ):
        with pytest.raises(IllegalMove) as refusal:
            kitchen.move(target, actor)
        assert refusal.value.extra == {"current_status": "cooking", "allowed": allowed}
        assert kitchen.number in refusal.value.detail
    assert len(kitchen.sent()) == 1
    assert len(kitchen.log()) == 2


def test_an_unknown_order_is_not_found(kitchen: Kitchen) -> None:
    with pytest.raises(NotFound):
        kitchen.move("cooking", CHEF, "ORD_20261122_999999")
    assert kitchen.sent() == []


@pytest.mark.parametrize("order_type", TYPES)
def test_postgresql_accepts_exactly_the_moves_of_the_table(
    kitchen: Kitchen, expedite: Expedite, order_type: str
) -> None:
    kitchen.number = kitchen.place(order_type)
    for role, source, target in itertools.product(ROLES, STATUSES, STATUSES):
        if source == target:
            continue
        expedite.query(
            "update orders set status = %s, completed_at = now(), sequence = sequence + 1 where number = %s",
            source,
            kitchen.number,
        )
        try:
            found = kitchen.move(target, Actor("x", role), recall_window=600).status
        except IllegalMove as exc:
            found = exc.extra["current_status"]
        expected = target if is_allowed(source, target, role, order_type) else source
        assert found == kitchen.stored("status") == expected, (role, source, target)


def test_a_ready_order_is_called_back_within_the_window_and_not_after_it(
    kitchen: Kitchen, expedite: Expedite
) -> None:
    kitchen.move("cooking", CHEF)
    kitchen.move("ready", CHEF)
    expedite.query("update orders set completed_at = now() - interval '61 s'")
    with pytest.raises(IllegalMove) as refusal:
        kitchen.move("cooking", STAFF, recall_window=60)
    assert refusal.value.extra["current_status"] == "ready"
    expedite.query("update orders set completed_at = now() - interval '50 s'")
    recalled = kitchen.move("cooking", STAFF, recall_window=60)
    assert (recalled.changed, recalled.fence) == (True, 2)
    assert kitchen.stored("completed_at") is None
    assert kitchen.stored("processed_by") == "Maria"
    assert kitchen.stored("cooking_worker") is None


def test_only_who_took_it_last_moves_it_on(kitchen: Kitchen) -> None:
    old = kitchen.move("cooking", CHEF).fence
    kitchen.move("ready", STAFF)
    new = kitchen.move("cooking", STAFF, recall_window=60).fence
    with pytest.raises(IllegalMove):
        kitchen.move("ready", CHEF, fence=old)
    assert kitchen.stored("status") == "cooking"
    assert kitchen.move("ready", STAFF, fence=new).changed


def test_a_workers_count_rises_with_the_order_it_finished(
    kitchen: Kitchen, transaction: Transaction, expedite: Expedite
) -> None:
    for name, instance in ((CHEF.name, CHEF.instance), ("chef_luigi", uuid.uuid4())):
        expedite.query(
            "insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at,"
            " last_seen, cooking_speed) values (%s, %s, '{takeout}', 'online', 30, now(), now(), 1)",
            name,
            str(instance),
        )

    def processed() -> dict[str, int]:
        return dict(expedite.query("select name, orders_processed from workers"))

    kitchen.move("cooking", CHEF)
    assert processed() == {"chef_mario": 0, "chef_luigi": 0}
    with transaction() as session:
        moves.move(session, "kitchen_service", kitchen.number, "ready", CHEF)
        assert processed() == {"chef_mario": 0, "chef_luigi": 0}
        assert kitchen.stored("status") == "cooking"
    assert processed() == {"chef_mario": 1, "chef_luigi": 0}
    kitchen.move("ready", CHEF)
    assert processed() == {"chef_mario": 1, "chef_luigi": 0}


def test_every_move_is_announced_by_its_contract_and_counted(kitchen: Kitchen, expedite: Expedite) -> None:
    logs.begin_request("till-7")
    kitchen.number = kitchen.place("delivery")
    steps = [
        ("cooking", CHEF, None),
        ("ready", CHEF, None),
        ("cooking", STAFF, "cold"),
        ("ready", STAFF, None),
        ("out_for_delivery", STAFF, None),
        ("completed", STAFF, None),
    ]
    for target, actor, reason in steps:
        kitchen.move(target, actor, reason=reason, recall_window=60)
    sent = kitchen.sent()
    for event in sent:
        CONTRACT.validate(event)
    statuses = ["received", *(target for target, _, _ in steps)]
    assert [(event["old_status"], event["new_status"]) for event in sent] == list(itertools.pairwise(statuses))
    assert [event["sequence"] for event in sent] == [2, 3, 4, 5, 6, 7]
    assert [event["changed_by"] for event in sent] == [actor.name for _, actor, _ in steps]
    assert [event["reason"] for event in sent] == [reason for _, _, reason in steps]
    assert {event["request_id"] for event in sent} == {"till-7"}
    assert {event["order_type"] for event in sent} == {"delivery"}
    assert [row[:3] for row in kitchen.log()[1:]] == [
        (event["sequence"], event["new_status"], event["changed_by"]) for event in sent
    ]
    rows = expedite.query("select exchange, routing_key, event_id::text, request_id from outbox order by id")
    assert Counter(row[:2] for row in rows) == {("kitchen_service.events", "order_status_changed"): 6}
    assert [row[2:] for row in rows] == [(event["event_id"], "till-7") for event in sent]


@pytest.mark.parametrize(("target", "actor"), [("cancelled", STAFF), ("failed", SYSTEM)])
def test_an_order_that_ends_early_has_a_reason_and_no_estimate(
    kitchen: Kitchen, target: str, actor: Actor
) -> None:
    cooking = kitchen.move("cooking", CHEF, pace=0.5)
    assert cooking.estimated_completion is not None
    assert (cooking.estimated_completion - cooking.updated_at).total_seconds() == 5
    ended = kitchen.move(target, actor, reason="out of basil")
    assert ended.estimated_completion is None
    event = kitchen.sent()[-1]
    CONTRACT.validate(event)
    assert (event["reason"], event["estimated_completion"]) == ("out of basil", None)
    assert kitchen.stored("cooking_worker") is None


def test_a_move_that_is_rolled_back_leaves_nothing(kitchen: Kitchen, transaction: Transaction) -> None:
    def change_of_mind() -> None:
        with transaction() as session:
            moves.move(session, "kitchen_service", kitchen.number, "cooking", CHEF)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        change_of_mind()
    assert kitchen.stored("status") == "received"
    assert kitchen.sent() == []
    assert len(kitchen.log()) == 1
