"""A topic that tells everybody the same: one reading for all, and nobody misses anything or hears it twice."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.live import SharedTopic, snapshots
from common.live.shared_topic import MAX_IDS, MAX_REMEMBERED
from common.postgres.sessions import Sessions
from tests.integration.conftest import Transaction
from tests.support.events import Readings, Tab
from tests.support.rows import move, put
from tests.unit.test_live_snapshots import LONG

_COOKING = text("update orders set status = 'cooking', sequence = 2 where number = :number")
_ALL = "select number, status, sequence from orders"
ONE, TWO, THREE = "ORD_20261122_001", "ORD_20261122_002", "ORD_20261122_003"


class Wall:
    """A topic of all orders, and how often it has read since each id."""

    def __init__(self, sessions: Sessions) -> None:
        self.read_after: list[str | None] = []
        self.lanes: Any = ["bar"]
        self.meanwhile: Callable[[], object] = lambda: None  # what others do while it reads
        self.topic = SharedTopic("wall", self._read)
        self.readings = Readings(self.topic, sessions)

    def _read(self, session: Session, after: str | None) -> Mapping[str, Any]:
        self.read_after.append(after)
        self.meanwhile()
        changed = "" if after is None else f" where {snapshots.CHANGED_SINCE}"
        rows = session.execute(text(_ALL + changed), {"after": after})
        orders = {number: [status, sequence] for number, status, sequence in rows}
        return {"lanes": self.lanes, **({"orders": orders} if orders or after is None else {})}


def shown(*tabs: Tab) -> dict[str, list[Any]]:
    """What a page shows that heard all of these, one after the other. Nothing may come twice, or be older than
    what it shows already."""
    orders: dict[str, list[Any]] = {}
    for tab in tabs:
        for event in tab.events:
            if event.name == "reset":
                orders = {}
            for number, (status, sequence) in event.data.get("orders", {}).items():
                assert sequence > orders.get(number, ["", 0])[1], f"{number} came twice"
                orders[number] = [status, sequence]
    return orders


@pytest.fixture
def wall(sessions: Sessions) -> Iterator[Wall]:
    opened = Wall(sessions)
    yield opened
    opened.readings.close()


@pytest.fixture
def other(sessions: Sessions) -> Iterator[Wall]:
    """The same topic at another process."""
    opened = Wall(sessions)
    yield opened
    opened.readings.close()


def test_who_comes_without_an_id_gets_everything_and_then_what_changes(
    wall: Wall, transaction: Transaction
) -> None:
    put(transaction, ONE)
    put(transaction, TWO)
    tab = Tab(wall.topic)
    wall.readings.read()
    [reset] = tab.hear()
    assert (reset.name, set(reset.data["orders"])) == ("reset", {ONE, TWO})
    move(transaction, TWO, "cooking")
    wall.readings.read()
    [change] = tab.hear()
    assert (change.name, change.data) == ("change", {"orders": {TWO: ["cooking", 2]}})
    assert change.id != reset.id


def test_one_reading_is_for_all_however_many_they_are(wall: Wall, transaction: Transaction) -> None:
    put(transaction, ONE)
    tabs = [Tab(wall.topic) for _ in range(50)]
    wall.readings.read()
    assert wall.read_after == [None]
    for tab in tabs:
        tab.hear()
    move(transaction, ONE, "cooking")
    wall.readings.read()
    assert len(wall.read_after) == 2
    assert all(tab.hear()[0].data == {"orders": {ONE: ["cooking", 2]}} for tab in tabs)
    assert len({tab.last_id for tab in tabs}) == 1


def test_when_nothing_has_changed_nothing_is_said(wall: Wall, transaction: Transaction) -> None:
    put(transaction, ONE)
    tab = Tab(wall.topic)
    wall.readings.read()
    tab.hear()
    put(transaction, TWO)
    wall.readings.read()
    tab.hear()
    with transaction() as session:
        session.execute(text("create table something_else (id int)"))  # the snapshot is another one
    for _ in range(3):
        wall.readings.read()
    assert tab.hear() == []
    wall.lanes = ["bar", "pass"]
    wall.readings.read()
    assert [event.data for event in tab.hear()] == [{"lanes": ["bar", "pass"]}]


def test_who_comes_back_soon_gets_what_is_remembered_and_nothing_is_read(
    wall: Wall, transaction: Transaction
) -> None:
    put(transaction, ONE)
    stays, leaves = Tab(wall.topic), Tab(wall.topic)
    wall.readings.read()
    after = leaves.leave()
    for target in ("cooking", "ready"):
        move(transaction, ONE, target)
        wall.readings.read()
    reads = len(wall.read_after)
    back = Tab(wall.topic, after)
    assert [event.data["orders"] for event in back.hear()] == [
        {ONE: ["cooking", 2]},
        {ONE: ["ready", 3]},
    ]
    current = Tab(wall.topic, back.last_id)
    assert current.hear() == []
    assert len(wall.read_after) == reads
    move(transaction, ONE, "completed")
    wall.readings.read()
    stays.hear()
    back.hear()
    current.hear()
    assert shown(leaves, back) == shown(stays) == {ONE: ["completed", 4]}
    assert stays.events[-1] == back.events[-1] == current.events[-1]


def test_who_comes_back_at_another_process_gets_what_was_missed_once(
    wall: Wall, other: Wall, transaction: Transaction
) -> None:
    for number in (ONE, TWO):
        put(transaction, number)
    stays, leaves, others = Tab(wall.topic), Tab(wall.topic), Tab(other.topic)
    wall.readings.read()
    other.readings.read()
    move(transaction, ONE, "cooking")
    wall.readings.read()
    after = leaves.leave()
    move(transaction, ONE, "ready")
    move(transaction, TWO, "cooking")
    put(transaction, THREE)
    back = Tab(other.topic, after)
    other.readings.read()
    assert [set(event.data["orders"]) for event in back.hear()] == [{ONE, TWO, THREE}]
    move(transaction, THREE, "cancelled")
    for each in (wall, other):
        each.readings.read()
    for tab in (stays, back, others):
        tab.hear()
    assert shown(leaves, back) == shown(stays) == shown(others)
    assert shown(stays) == {ONE: ["ready", 3], TWO: ["cooking", 2], THREE: ["cancelled", 2]}


def test_what_was_under_way_while_others_committed_is_not_missed(
    wall: Wall, other: Wall, transaction: Transaction
) -> None:
    for number in (ONE, TWO):
        put(transaction, number)
    stays, leaves = Tab(wall.topic), Tab(wall.topic)
    wall.readings.read()
    with transaction() as session:
        session.execute(_COOKING, {"number": ONE})
        move(transaction, TWO, "cooking")  # it began later, and is committed first
        wall.readings.read()
        [change] = leaves.hear()[-1:]
        assert set(change.data["orders"]) == {TWO}
        assert str(change.id).split(":")[2]  # it names who is under way
        after = leaves.leave()
    back = Tab(other.topic, after)
    other.readings.read()
    wall.readings.read()
    assert [event.data["orders"] for event in back.hear()] == [{ONE: ["cooking", 2]}]
    stays.hear()
    assert shown(leaves, back) == shown(stays)


def test_what_is_committed_while_it_reads_comes_with_the_next_reading(
    wall: Wall, transaction: Transaction
) -> None:
    put(transaction, ONE)
    tab = Tab(wall.topic)
    wall.readings.read()
    tab.hear()
    wall.meanwhile = lambda: move(transaction, ONE, "cooking")
    wall.readings.read()
    assert tab.hear() == []
    wall.meanwhile = lambda: None
    wall.readings.read()
    wall.lanes = []  # so that there is something else to say
    wall.readings.read()
    assert [event.data for event in tab.hear()] == [{"orders": {ONE: ["cooking", 2]}}, {"lanes": []}]


def test_many_who_come_back_with_one_id_share_a_reading(wall: Wall, other: Wall, transaction: Transaction) -> None:
    put(transaction, ONE)
    leaves = Tab(wall.topic)
    wall.readings.read()
    after = leaves.leave()
    move(transaction, ONE, "cooking")
    back = [Tab(other.topic, after) for _ in range(100)]
    other.readings.read()
    assert other.read_after == [after]
    assert all(tab.hear()[0].data["orders"] == {ONE: ["cooking", 2]} for tab in back)


def test_of_many_ids_one_reading_looks_up_a_few_and_none_waits_for_ever(
    wall: Wall, other: Wall, transaction: Transaction
) -> None:
    put(transaction, ONE)
    leaving = Tab(wall.topic)
    wall.readings.read()
    ids = []
    for place in range(MAX_IDS + 3):
        put(transaction, f"ORD_20261122_1{place:02}")
        wall.readings.read()
        leaving.hear()
        ids.append(leaving.last_id)
    back = [Tab(other.topic, after) for after in ids]
    other.readings.read()
    assert len(other.topic.joining) == 3
    other.readings.read()
    assert other.topic.joining == []
    move(transaction, ONE, "cooking")
    other.readings.read()
    assert all(tab.hear()[-1].data["orders"] == {ONE: ["cooking", 2]} for tab in back)


@pytest.mark.parametrize(
    "after",
    ["", "garbage", "1:2", "20:10:", "10:20:15,14", LONG, "9000000000:9000000000:", "'; drop table orders"],
)
def test_an_id_that_is_none_of_this_database_gets_everything(
    wall: Wall, transaction: Transaction, after: str
) -> None:
    put(transaction, ONE)
    tab = Tab(wall.topic, after)
    wall.readings.read()
    assert [(event.name, set(event.data["orders"])) for event in tab.hear()] == [("reset", {ONE})]


@pytest.mark.parametrize("after", ["1:1:", "10:20:10,14,15", "10:20:19"])
def test_postgresql_takes_what_counts_as_a_snapshot(wall: Wall, transaction: Transaction, after: str) -> None:
    put(transaction, ONE)
    tab = Tab(wall.topic, after)
    wall.readings.read()
    assert [(event.name, set(event.data["orders"])) for event in tab.hear()] == [("change", {ONE})]


def test_an_id_that_would_be_too_long_leaves_nothing_out(
    wall: Wall, other: Wall, transaction: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MAX_LENGTH", 10)
    for number in (ONE, TWO):
        put(transaction, number)
    leaves = Tab(wall.topic)
    with transaction() as session:
        session.execute(_COOKING, {"number": ONE})
        move(transaction, TWO, "cooking")
        wall.readings.read()
        after = leaves.leave()
        oldest, next_one, under_way = str(after).split(":")
        assert (oldest, under_way) == (next_one, "")
    back = Tab(other.topic, after)
    other.readings.read()
    assert back.hear()[0].data["orders"] == {ONE: ["cooking", 2], TWO: ["cooking", 2]}  # the second once more


def test_when_all_have_left_nothing_old_is_remembered(wall: Wall, transaction: Transaction) -> None:
    put(transaction, ONE)
    leaves = Tab(wall.topic)
    wall.readings.read()
    after = leaves.leave()
    assert not wall.topic.has_clients()
    wall.topic.forget()  # as its thread does when it ends
    move(transaction, ONE, "cooking")
    back = Tab(wall.topic, after)
    wall.readings.read()
    assert [event.data["orders"] for event in back.hear()] == [{ONE: ["cooking", 2]}]


def test_memory_has_an_end_and_behind_it_is_read(wall: Wall, transaction: Transaction) -> None:
    put(transaction, ONE)
    stays, leaves = Tab(wall.topic), Tab(wall.topic)
    wall.readings.read()
    after = leaves.leave()
    for turn in range(MAX_REMEMBERED + 1):
        wall.lanes = turn
        put(transaction, f"ORD_20261122_{1000 + turn}")
        wall.readings.read()
        stays.hear()
    assert len(wall.topic._remembered) == MAX_REMEMBERED
    back = Tab(wall.topic, after)
    assert back.hear() == []
    wall.readings.read()
    back.hear()
    assert shown(leaves, back) == shown(stays)


def test_a_reading_that_fails_is_made_up_for(wall: Wall, transaction: Transaction) -> None:
    put(transaction, ONE)
    stays = Tab(wall.topic)
    wall.readings.read()
    stays.hear()
    move(transaction, ONE, "cooking")
    comes = Tab(wall.topic)
    broken, wall.topic._read = wall.topic._read, lambda session, after: 1 / 0
    with pytest.raises(ZeroDivisionError):
        wall.readings.read()
    wall.topic._read = broken
    assert stays.hear() == comes.hear() == []
    wall.readings.read()
    assert [event.data for event in stays.hear()] == [{"orders": {ONE: ["cooking", 2]}}]
    assert [event.name for event in comes.hear()] == ["reset"]
