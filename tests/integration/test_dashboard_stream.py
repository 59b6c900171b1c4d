"""The dashboard's stream: what changes comes as HTML, once for all who look. RabbitMQ is away all the time."""

import re
import time
from collections.abc import Iterator

import psycopg2
import pytest
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from common.postgres.sessions import DIALECT
from devstack.postgres import Postgres
from tests.conftest import copied_database
from tests.integration.test_dashboard import Write, ago, get
from tests.support import people
from tests.support.events import Listener, listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.histories import write_order, write_worker
from tests.support.people import Someone
from tracking_service.dashboard.dashboard import PARTS

NOBODY = "amqp://guest:guest@127.0.0.1:9/"


@pytest.fixture(scope="module")
def house(postgres: Postgres) -> Iterator[Expedite]:
    with copied_database(postgres.url) as database_url:
        running = Expedite(database_url, NOBODY)
        try:
            for service in ("order_service", "tracking_service"):
                running.start(service, **people.NO_LIMITS)
            yield running
        finally:
            running.stop_all()


@pytest.fixture(scope="module")
def anna(house: Expedite) -> Someone:
    return people.register(house, "anna", "employee")


@pytest.fixture
def write(house: Expedite) -> Iterator[Write]:
    engine = create_engine(DIALECT, creator=lambda: psycopg2.connect(house.database_url), hide_parameters=True)
    yield sessionmaker(bind=engine, class_=Session).begin
    engine.dispose()


def stream(house: Expedite) -> str:
    return f"{house.url('tracking_service')}/dashboard/stream"


def state(listener: Listener) -> dict[str, str]:
    """The parts that a page shows which heard all that."""
    shown: dict[str, str] = {}
    for event in listener.of("reset", "change"):
        shown = event.data if event.name == "reset" else {**shown, **event.data}
    return shown


def waiting(listener: Listener) -> int:
    """How many wait, by what it heard."""
    found = re.search(r"waiting</dt><dd[^>]*>(\d+)", state(listener).get("counts", ""))
    return int(found[1]) if found else 0


def received(house: Expedite) -> int:
    """How many wait, by their table. What is open is looked at once a second, so a page may say less at first."""
    return int(house.query("select count(*) from orders where status = 'received'")[0][0])


def today(house: Expedite) -> int:
    """How many orders there have been today, by their table."""
    return int(house.query("select count(*) from orders where placed_at >= current_date")[0][0])


def test_who_begins_gets_all_and_then_what_changes(house: Expedite, anna: Someone, write: Write) -> None:
    with write() as session:
        write_worker(session, "mario", "takeout")
        write_order(session, ago(minutes=20), ("failed", 5, "kitchen"), reason="the oven is out")
    with listening(stream(house), Cookie=f"expedite={anna.token}") as listener:
        listener.wait(lambda: set(state(listener)) == set(PARTS))
        listener.wait(lambda: "the oven is out" in state(listener)["stuck"])
        listener.wait(lambda: waiting(listener) == received(house))
        # Its age goes on by itself: nothing to tell.
        assert re.search(r'data-age-since="[^"]+"></span>', state(listener)["stuck"])
        # The figures of the day are read less often: those of what was written above may come only now.
        listener.wait(lambda: f"{today(house)} today" in state(listener)["hours"])
        before = len(listener.of("change"))
        with write() as session:
            write_order(session, ago(seconds=1))
        listener.wait(lambda: waiting(listener) == received(house))
        listener.wait(lambda: f"{today(house)} today" in state(listener)["hours"])
        told = [set(event.data) for event in listener.of("change")[before:]]
        assert not any("stuck" in parts for parts in told)
        assert "counts" in told[0]


def test_a_page_that_comes_back_shows_the_same_as_one_that_never_left(
    house: Expedite, anna: Someone, write: Write
) -> None:
    cookie = {"Cookie": f"expedite={anna.token}"}
    with listening(stream(house), **cookie) as stayed:
        left = Listener(stream(house)).start(**cookie)
        left.wait(lambda: set(state(left)) == set(PARTS))
        left.stop()
        with write() as session:
            write_order(session, ago(seconds=1))
        stayed.wait(lambda: waiting(stayed) == received(house))
        assert waiting(left) < received(house)
        left.start(**cookie)
        left.wait(lambda: state(left) == state(stayed) and waiting(left) == received(house))
        left.stop()


def test_fifty_pages_cost_what_one_does(house: Expedite, anna: Someone, write: Write) -> None:
    cookie = {"Cookie": f"expedite={anna.token}"}
    listeners = [Listener(stream(house)).start(**cookie) for _ in range(50)]
    eventually(lambda: all(set(state(each)) == set(PARTS) for each in listeners))
    now = received(house)
    eventually(lambda: all(waiting(each) == now for each in listeners))
    house.query("select pg_stat_reset()")
    began = time.monotonic()
    with write() as session:
        write_order(session, ago(seconds=1))
    eventually(lambda: all(waiting(each) == now + 1 for each in listeners))
    for each in listeners:
        each.stop()
    # Each reading of what is open looks into this index a few times.
    scans = "select idx_scan from pg_stat_user_indexes where indexrelname = 'ix_orders_open'"
    eventually(lambda: house.query(scans)[0][0] > 0)  # sessions count after a while
    # And there is at most one reading a second, however long all that took.
    assert house.query(scans)[0][0] < len(listeners) + 10 * (time.monotonic() - began)


def test_the_page_is_there_too(house: Expedite, anna: Someone) -> None:
    assert get(house, "/dashboard", anna).status_code == 200
