"""The primary is gone, and its standby is promoted, while customers order and workers cook."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import requests

from devstack.launcher import migrate
from devstack.postgres import Postgres
from devstack.standby import Standby
from tests.support.customers import numbers, ordering
from tests.support.events import listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.servers import frozen

SWEEPING = {"SWEEP_INTERVAL": 1, "SWEEP_GRACE": 3}
LONGEST = 30  # seconds that a customer waits for an answer, whatever it is


def start(house: Expedite) -> Process:
    """Everything; gives order_service."""
    desk = house.start("order_service", wait=False, **SWEEPING)
    house.start("tracking_service", wait=False)
    house.start("notifier_service", wait=False)
    house.start_worker("anna", wait=False)
    house.start_worker("bruno", wait=False, PREFETCH=5)
    for process in house.processes:
        process.wait_ready()
    return desk


def assert_books_are_even(house: Expedite, taken: set[str]) -> None:
    """Nothing lost, nothing doubled, nothing stuck."""
    eventually(lambda: house.query("select distinct status from orders") == [("ready",)], 60)
    eventually(house.is_settled, 30)
    placed = {row[0] for row in house.query("select number from orders")}
    assert taken <= placed
    steps = house.query(
        "select string_agg(l.status, ' ' order by l.sequence)"
        " from orders o join order_status_log l on l.order_id = o.id group by o.id"
    )
    assert set(steps) == {("received cooking ready",)}
    assert house.query("select sum(orders_processed) from workers") == [(len(placed),)]


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("how", ["killed", "silent"])
def test_no_order_is_lost_doubled_or_stuck(
    house: Expedite, standby: Standby, how: str, record_property: Callable[[str, object], None]
) -> None:
    desk = start(house)
    house.database_url = standby.primary.url
    with ExitStack() as primary_is_silent:
        with ordering(desk.url, customers=5) as answers:
            eventually(lambda: len(numbers(answers)) >= 50, 20)
            gone = time.monotonic()
            if how == "silent":
                primary_is_silent.enter_context(frozen(standby.primary))
            else:
                standby.primary.kill()
            standby.promote()
            before = len(numbers(answers))
            eventually(lambda: len(numbers(answers)) > before, 30)
            record_property("seconds until an order was taken", round(time.monotonic() - gone, 1))
            eventually(lambda: len(numbers(answers)) >= before + 50, 30)

        house.database_url = standby.url
        assert {answer.status_code for answer in answers} <= {201, 503}
        assert max(answer.elapsed.total_seconds() for answer in answers) < LONGEST
        assert_books_are_even(house, numbers(answers))


def test_streams_the_sweeper_and_the_relay_come_back_by_themselves(house: Expedite, standby: Standby) -> None:
    desk = house.start("order_service", **SWEEPING)
    tracking = house.start("tracking_service")
    number = house.place_number()
    house.database_url = standby.primary.url
    eventually(lambda: house.waiting("kitchen.takeout") == 1)
    with listening(f"{tracking.url}/orders/{number}/stream") as listener:
        listener.wait(lambda: bool(listener.of("status")))
        standby.primary.kill()
        standby.promote()
        house.database_url = standby.url
        # That it was sent may not have come to the standby: then it is sent again, and would not be missing.
        eventually(lambda: house.query("select count(*) from outbox") == [(0,)], 30)
        with house.channel() as channel:
            channel.queue_purge("kitchen.takeout")
        eventually(lambda: desk.actions("order_sent_again"), 30)
        later = eventually(house.place_number, 30)
        eventually(lambda: house.waiting("kitchen.takeout") == 2, 30)
        house.start_worker()
        for each in (number, later):
            house.wait_for(each, "ready", 30)
        listener.wait(lambda: listener.of("status")[-1].data["current_status"] == "ready", 30)
        assert not listener.is_over
    assert f":{standby.port} takes writes" in desk.actions("db_server_found")[-1]["message"]


def test_an_old_primary_that_wakes_up_confirms_nothing_and_is_left(house: Expedite, standby: Standby) -> None:
    desk = house.start("order_service")
    house.database_url = standby.primary.url
    house.place_number(at=desk)
    with frozen(standby.primary):
        standby.promote()
    # Its connections are as they were, and it says that it takes writes.
    house.database_url = standby.url
    answer = requests.post(f"{desk.url}/orders", json=an_order(), timeout=LONGEST)
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    number = eventually(lambda: house.place_number(at=desk), 20)
    assert house.status(number) == "received"


def test_an_order_that_its_standby_does_not_have_is_not_confirmed(house: Expedite, standby: Standby) -> None:
    desk = house.start("order_service")
    waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'"
    standby.stop()
    house.database_url = standby.primary.url
    # Nobody cancels the wait, not the time limit of a statement either: the bound is ours.
    first = requests.post(f"{desk.url}/orders", json=an_order(), timeout=LONGEST)
    assert first.status_code == 503
    # Somebody cancels the waits, with which PostgreSQL reports success, and a warning.
    house.query("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
    with ordering(desk.url, customers=1) as answers:
        eventually(lambda: house.query(waiting))
        house.query("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
        eventually(lambda: desk.actions("db_commit_unconfirmed"))
        eventually(lambda: answers)
    assert {answer.status_code for answer in answers} == {503}


def test_a_host_that_says_nothing_holds_nobody_up(house: Expedite, standby: Standby) -> None:
    """Services that start while the first host in their address is frozen."""
    os.kill(standby.primary.pid, signal.SIGSTOP)
    try:
        standby.promote()
        desk = house.start("order_service")
        house.database_url = standby.url
        assert house.place_number(at=desk)
    finally:
        os.kill(standby.primary.pid, signal.SIGCONT)


def test_the_one_that_takes_writes_is_found_wherever_it_stands(house: Expedite, standby: Standby) -> None:
    hosts, _, database = standby.url.rpartition("/")
    standby_first = f"{hosts},127.0.0.1:{standby.primary.port}/{database}"
    migrate(standby_first)
    desk = house.start("order_service", DATABASE_URL=standby_first)
    assert house.place(at=desk)


def test_an_old_primary_comes_back_as_a_standby_and_takes_over_again(house: Expedite, standby: Standby) -> None:
    desk = house.start("order_service")
    house.place_number(at=desk)
    old = standby.primary
    old.kill()
    standby.promote()
    eventually(lambda: house.place_number(at=desk), 20)

    shutil.rmtree(old.folder / "data")
    back = Standby(old.folder, standby, durable=False)
    assert back.port == old.port
    back.start()
    try:
        back.confirm_commits()
        house.place_number(at=desk)
        standby.kill()
        back.promote()
        eventually(lambda: house.place_number(at=desk), 20)
        house.database_url = back.url
        assert house.query("select count(*) from orders") == [(4,)]
    finally:
        back.kill()


def test_a_server_that_is_made_read_only_is_left(house: Expedite, standby: Standby) -> None:
    """A pooled connection is open to it; the order is refused as busy, and the next one finds the new primary."""
    desk = house.start("order_service")
    house.place_number(at=desk)
    standby.promote()
    for statement in ("alter system set default_transaction_read_only = on", "select pg_reload_conf()"):
        _on(standby.primary, statement)
    answers = []

    def ordered() -> bool:
        answers.append(requests.post(f"{desk.url}/orders", json=an_order(), timeout=LONGEST))
        return answers[-1].status_code == 201

    eventually(ordered, 20)
    assert {answer.status_code for answer in answers} == {201, 503}
    house.database_url = standby.url
    assert house.query("select count(*) from orders") == [(2,)]


def _on(server: Postgres, statement: str) -> None:
    Expedite(server.url, "").query(statement)
