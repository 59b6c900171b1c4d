"""The streams of orders: all are read together, each client hears of its own order, in order and once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.accounts.access import GUEST, Person, Visibility
from common.accounts.identity import Identities
from common.errors import Unavailable
from common.orders import tracking_links
from common.orders.board import Board
from common.orders.lifecycle import CUSTOMER, EMPLOYEE
from common.orders.moves import Actor
from common.orders.queries import Standing
from common.orders.tracking_links import TrackingLinks
from common.postgres.connection import DedicatedSession
from common.postgres.sessions import Sessions
from tests.integration.conftest import Transaction
from tests.support.events import Event, Readings, Tab
from tests.support.expedite import SECRET_KEY
from tests.support.rows import move, put
from tracking_service.order_streams import OrderStreams, Viewer
from tracking_service.visitors import Visitors

KEY = SECRET_KEY.encode()
LINKS = TrackingLinks((KEY,), timedelta(days=30), "")
ONE, TWO = "ORD_20261122_001", "ORD_20261122_002"
FULL, STATUS = Visibility.FULL, Visibility.STATUS
CHEF = Actor("chef_mario", "employee")


class Pages:
    """Pages of one line, and what was loaded and rendered for them."""

    def __init__(self) -> None:
        self.loaded: list[list[int]] = []
        self.rendered: list[tuple[str, Visibility]] = []

    def load(self, session: Session, order_ids: Sequence[int]) -> Mapping[int, Any]:
        self.loaded.append(list(order_ids))
        rows = session.execute(
            text("select id, customer_name from orders where id = any(:ids)"), {"ids": list(order_ids)}
        )
        return {row.id: row.customer_name for row in rows}

    def html(self, standing: Standing, loaded: Any, seen: Visibility) -> str:
        self.rendered.append((standing.number, seen))
        return f"<p>{standing.number} {standing.status} {'somebody' if seen is STATUS else loaded}</p>"


class House:
    """A process of tracking_service, as far as it is about streams."""

    def __init__(self, sessions: Sessions, pages: Pages | None) -> None:
        self.board = Board(sessions, sessions.settings, is_public=True)
        self.pages = pages
        self.topic = OrderStreams(self.board, Visitors(Identities(sessions, (KEY,)), LINKS), pages)
        self.readings = Readings(self.topic, sessions)
        self.ids: dict[str, int] = {}

    def open(self, number: str, after: str | None = None, key: object = None, who: Person | None = None) -> Tab:
        """A tab of that order, up to date, of a guest with that key or of somebody who is signed in."""
        [[order_id]] = self._query("select id from orders where number = :number", number=number)
        tab = Tab(self.topic, after, Viewer(order_id, who or Person(GUEST, key=key)))
        self.readings.read()
        return tab

    def look_at_estimates(self) -> None:
        """As two seconds later."""
        self.board._queue.forget()
        self.topic.look_at_estimates()

    def _query(self, statement: str, **values: Any) -> list[Any]:
        with self.readings._sessions.begin() as session:
            return list(session.execute(text(statement), values))


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def house(sessions: Sessions, pages: Pages) -> Iterator[House]:
    opened = House(sessions, pages)
    yield opened
    opened.readings.close()


@pytest.fixture
def other(sessions: Sessions) -> Iterator[House]:
    opened = House(sessions, Pages())
    yield opened
    opened.readings.close()


@pytest.fixture
def without_pages(sessions: Sessions) -> Iterator[House]:
    opened = House(sessions, None)
    yield opened
    opened.readings.close()


def steps(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    """The steps that were told, with their ids."""
    names = ("sequence", "current_status", "updated_at", "processed_by")
    return [(event.id, *(event.data[name] for name in names)) for event in events if event.name == "status"]


def last_page(*tabs: Tab) -> str:
    return str([event.data["html"] for tab in tabs for event in tab.events if event.name == "page"][-1])


def test_the_present_comes_first_and_then_each_step_with_its_id(
    without_pages: House, transaction: Transaction
) -> None:
    put(transaction, ONE)
    tab = without_pages.open(ONE)
    [status] = tab.hear()
    assert (status.name, status.id) == ("status", "1")
    answer = without_pages.board.status(ONE)
    assert set(status.data) == {*answer, "sequence"}
    assert status.data["current_status"] == "received"
    for target, event_id in (("cooking", "2"), ("ready", "3"), ("completed", "4")):
        move(transaction, ONE, target)
        without_pages.readings.read()
        [status] = tab.hear()
        assert (status.id, status.data["current_status"]) == (event_id, target)
        assert status.data["processed_by"] == "staff"  # which of them is not for everybody
    without_pages.readings.read()
    assert tab.hear() == []


def test_what_was_missed_comes_in_order_and_once(
    house: House, other: House, transaction: Transaction, sessions: Sessions
) -> None:
    put(transaction, ONE)
    stays, leaves = house.open(ONE), house.open(ONE)
    move(transaction, ONE, "cooking")
    house.readings.read()
    after = leaves.leave()
    assert after == "2"
    for target in ("ready", "cooking", "ready", "completed"):
        with transaction() as session:  # a recall is a move back
            session.execute(text("update orders set completed_at = now()"))
        if target == "cooking":
            with transaction() as session:
                session.execute(
                    text("""
                    with back as (
                        update orders set status = 'cooking', sequence = sequence + 1, processed_by = 'Luigi',
                            updated_at = now() returning id, sequence, updated_at
                    ) insert into order_status_log select id, sequence, 'cooking', 'Luigi', updated_at from back
                    """)
                )
        else:
            move(transaction, ONE, target)
        house.readings.read()
    here, there = house.open(ONE, after), other.open(ONE, after)
    for tab in (stays, here, there):
        tab.hear()
    assert steps(leaves.events + here.events) == steps(stays.events)
    assert steps(leaves.events + there.events) == steps(stays.events)
    assert [step[0] for step in steps(stays.events)] == ["1", "2", "3", "4", "5", "6"]
    assert last_page(leaves, here) == last_page(stays) == last_page(there)
    assert here.events[-2].data == stays.events[-2].data  # the present, in full


def test_two_tabs_of_one_order_hear_the_same(house: House, transaction: Transaction) -> None:
    put(transaction, ONE)
    one, two = house.open(ONE), house.open(ONE)
    for target in ("cooking", "ready"):
        move(transaction, ONE, target)
        house.readings.read()
    one.hear()
    assert two.hear()[0].data == one.events[0].data  # also the estimate, which was told before
    assert one.events == two.events


def test_however_many_orders_there_are_one_statement_reads_them(
    without_pages: House, transaction: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [f"ORD_20261122_{place:03}" for place in range(1, 201)]
    ids = [put(transaction, number) for number in numbers]
    tabs = [Tab(without_pages.topic, None, Viewer(order_id, Person(GUEST))) for order_id in ids]
    while without_pages.topic.joining:
        without_pages.readings.read()
    assert [len(tab.hear()) for tab in tabs] == [1] * len(tabs)
    with transaction() as session:
        session.execute(
            text("update orders set status = 'cooking', sequence = 2, updated_at = now() where id % 2 = 0")
        )
    without_pages.readings.statements.clear()
    asked: list[int] = []
    query = DedicatedSession.query

    def counted(session: DedicatedSession, statement: str, parameters: Any = ()) -> Any:
        rows = query(session, statement, parameters)
        asked.append(len(rows))
        return rows

    monkeypatch.setattr(DedicatedSession, "query", counted)
    without_pages.readings.read()
    assert asked == [100]
    assert not [each for each in without_pages.readings.statements if "order_status_log" in each]
    assert [len(tab.hear()) for tab in tabs] == [1 if order_id % 2 == 0 else 0 for order_id in ids]


def test_what_is_said_to_have_changed_is_read_alone(house: House, pages: Pages, transaction: Transaction) -> None:
    tabs = {number: house.open(number) for number in (ONE, TWO) if put(transaction, number)}
    for tab in tabs.values():
        tab.hear()
    for number in tabs:
        move(transaction, number, "cooking")
    [[two]] = house._query("select id from orders where number = :number", number=TWO)
    house.topic.hear([two, 4711])
    pages.loaded.clear()
    house.readings.read()
    assert pages.loaded == [[two]]
    assert steps(tabs[TWO].hear())
    assert not tabs[ONE].hear()
    move(transaction, TWO, "ready")
    house.topic.hear([two])
    house.topic.look()
    house.readings.read()
    assert steps(tabs[TWO].hear())
    assert steps(tabs[ONE].hear())


def test_what_nobody_here_watches_wakes_nobody(house: House, transaction: Transaction) -> None:
    put(transaction, ONE)
    house.open(ONE)
    woken: list[object] = []
    house.topic.wake = lambda: woken.append(None)  # type: ignore[method-assign]
    house.topic.hear([4711])
    house.topic.hear([])
    assert woken == []


def test_who_joins_while_an_order_changes_hears_of_it(house: House, transaction: Transaction) -> None:
    order_id = put(transaction, ONE)
    tab = Tab(house.topic, None, Viewer(order_id, Person(GUEST)))
    found = house.topic.read(house.readings._sessions)
    move(transaction, ONE, "cooking")
    house.topic.hear([order_id])  # before it is noted that somebody watches it
    house.topic.give(found)
    tab.hear()
    put(transaction, TWO)
    house.open(TWO)  # a reading for another reason
    assert steps(tab.hear())[-1][2] == "cooking"


def test_after_a_reading_that_failed_all_are_read(
    house: House, transaction: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(transaction, ONE)
    tab = house.open(ONE)
    tab.hear()
    [[order_id]] = house._query("select id from orders")
    move(transaction, ONE, "cooking")
    house.topic.hear([order_id])
    with monkeypatch.context() as patched:
        patched.setattr(house.topic._reader, "read", _is_away)
        with pytest.raises(Unavailable):
            house.readings.read()
    put(transaction, TWO)
    house.open(TWO)
    assert steps(tab.hear())[-1][2] == "cooking"


def _is_away(*_: object) -> None:
    raise Unavailable("away")


def test_a_page_is_rendered_once_for_all_who_see_the_same_of_it(
    house: House, pages: Pages, transaction: Transaction
) -> None:
    put(transaction, ONE, nonce="n1")
    put(transaction, TWO, nonce="n2")
    key = tracking_links.secret_of(ONE, "n1", KEY)
    in_full = [house.open(ONE, key=key) for _ in range(3)]
    for_anybody = [house.open(ONE, key=wrong) for wrong in (None, "", "wrong", key + "x", 7)]
    others = house.open(TWO, key=key)  # which is another order's
    assert last_page_heard(in_full[0]) == f"<p>{ONE} received Ada Lovelace</p>"
    assert last_page_heard(others) == f"<p>{TWO} received somebody</p>"
    for tab in (*in_full, *for_anybody):
        tab.hear()
    pages.rendered.clear()
    pages.loaded.clear()
    move(transaction, ONE, "cooking")
    house.readings.read()
    assert {seen for _, seen in pages.rendered} == {FULL, STATUS}
    assert len(pages.rendered) == 2
    assert len(pages.loaded) == 1
    for tab in in_full:
        assert [event.name for event in tab.hear()] == ["status", "page"]
        assert last_page(tab) == f"<p>{ONE} cooking Ada Lovelace</p>"
    for tab in for_anybody:
        assert [event.name for event in tab.hear()] == ["status", "page"]
        assert last_page(tab) == f"<p>{ONE} cooking somebody</p>"
    assert others.hear() == []


def test_who_is_signed_in_sees_what_is_theirs_to_see(house: House, pages: Pages, transaction: Transaction) -> None:
    put(transaction, ONE)
    with transaction() as session:
        session.execute(
            text("""
            with cleo as (
                insert into users (email, username, username_key, password_hash, role)
                values ('cleo@example.com', 'cleo', 'cleo', 'x', 'customer') returning id
            ) update orders set customer_id = cleo.id from cleo
            """)
        )
    [[cleo]] = house._query("select id from users")
    for who, seen in (
        (Person(CUSTOMER, cleo), FULL),
        (Person(EMPLOYEE, 7), Visibility.STAFF),
        (Person(CUSTOMER, 7), STATUS),
        (Person(GUEST), STATUS),
    ):
        house.open(ONE, who=who)
        assert pages.rendered[-1] == (ONE, seen)


def last_page_heard(tab: Tab) -> str:
    tab.hear()
    return last_page(tab)


def test_who_comes_back_gets_the_page_also_when_there_was_no_step(house: House, transaction: Transaction) -> None:
    put(transaction, ONE)
    move(transaction, ONE, "cooking")
    back = house.open(ONE, "2")
    assert [event.name for event in back.hear()] == ["page"]
    assert back.last_id == "2"


@pytest.mark.parametrize("after", ["", "x", "-1", "99", "1e3", "1" * 30, "1:1:", "２"])
def test_an_id_that_is_none_of_this_order_gets_the_present(
    without_pages: House, transaction: Transaction, after: str
) -> None:
    put(transaction, ONE)
    move(transaction, ONE, "cooking")
    assert steps(without_pages.open(ONE, after).hear())[0][:3] == ("2", 2, "cooking")


def test_an_estimate_that_slips_by_a_minute_is_told_and_less_is_not(
    house: House, pages: Pages, transaction: Transaction
) -> None:
    put(transaction, ONE, prep_seconds=60)
    tab, second = house.open(ONE), house.open(ONE)
    [status, _] = tab.hear()
    before(transaction, ONE, seconds=30)
    house.look_at_estimates()
    assert tab.hear() == []
    before(transaction, ONE, seconds=45)
    pages.rendered.clear()
    house.look_at_estimates()
    [estimate, page] = tab.hear()
    assert (estimate.name, estimate.id, page.name) == ("estimate", None, "page")
    assert set(estimate.data) == {"order_number", "estimated_completion", "sequence"}
    assert estimate.data["estimated_completion"] > status.data["estimated_completion"]
    assert pages.rendered == [(ONE, STATUS)]
    assert second.hear()[-2:] == [estimate, page]
    house.look_at_estimates()
    assert tab.hear() == []
    back = house.open(ONE, tab.leave())  # it may have slipped meanwhile
    assert back.hear()[0].data == estimate.data


def test_a_page_that_was_missed_with_an_estimate_comes_with_the_next_reading(
    house: House, pages: Pages, transaction: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(transaction, ONE, prep_seconds=60)
    tab = house.open(ONE)
    tab.hear()
    before(transaction, ONE, seconds=90)
    with monkeypatch.context() as patched:
        patched.setattr(pages, "html", _is_away)
        house.look_at_estimates()
    assert [event.name for event in tab.hear()] == ["estimate"]
    house.readings.read()
    assert [event.name for event in tab.hear()] == ["page"]


def before(transaction: Transaction, number: str, seconds: int) -> None:
    """More work for the kitchen that comes before the order: somebody's large order that is cooked now."""
    with transaction() as session:
        session.execute(
            text("""
            insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,
                sequence, placed_at, updated_at)
            select 'ORD_20261121_' || (100 + (select count(*) from orders)), 'Bo', order_type, 10, 10, :seconds,
                'received', 1, now(), now()
            from orders where number = :number
            """),
            {"number": number, "seconds": seconds},
        )


def test_who_takes_it_over_is_told_although_it_is_no_step(house: House, transaction: Transaction) -> None:
    put(transaction, ONE)
    move(transaction, ONE, "cooking")
    tab = house.open(ONE)
    tab.hear()
    with transaction() as session:
        session.execute(
            text("update orders set processed_by = 'Luigi', fence = fence + 1, estimated_completion = now()")
        )
    house.readings.read()
    [status, page] = tab.hear()
    assert (status.name, status.id, page.name) == ("status", "2", "page")
    assert status.data["estimated_completion"] is not None
    house.readings.read()
    assert tab.hear() == []


def test_a_page_that_cannot_be_rendered_holds_up_no_step(
    house: House, pages: Pages, transaction: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(transaction, ONE)
    monkeypatch.setattr(pages, "html", lambda *_: 1 / 0)
    tab = house.open(ONE)
    assert [event.name for event in tab.hear()] == ["status"]


def test_a_page_that_cannot_be_made_without_postgresql_comes_with_the_next_reading(
    house: House, pages: Pages, transaction: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(transaction, ONE)
    tab = house.open(ONE)
    tab.hear()

    def away(*_: Any) -> str:
        raise Unavailable("away")

    move(transaction, ONE, "cooking")
    with monkeypatch.context() as patched:
        patched.setattr(pages, "html", away)
        house.readings.read()
        assert [event.name for event in tab.hear()] == ["status"]
    house.readings.read()
    assert [event.name for event in tab.hear()] == ["page"]
    house.readings.read()
    assert tab.hear() == []


def test_who_leaves_is_forgotten(house: House, transaction: Transaction) -> None:
    put(transaction, ONE)
    put(transaction, TWO)
    one, two, again = house.open(ONE), house.open(TWO), house.open(ONE)
    one.leave()
    two.leave()
    assert house.topic.has_clients()
    move(transaction, ONE, "cooking")
    house.readings.read()
    assert steps(again.hear())[-1][2] == "cooking"
    again.leave()
    assert not house.topic.has_clients()
    assert house.topic._watched == {}


def test_who_has_gone_before_it_was_told_anything_leaves_nothing_behind(
    house: House, transaction: Transaction
) -> None:
    order_id = put(transaction, ONE)
    tab = Tab(house.topic, None, Viewer(order_id, Person(GUEST)))
    found = house.topic.read(house.readings._sessions)
    tab.client.close()
    house.topic.give(found)
    assert not house.topic.has_clients()
    assert tab.events == []
