"""A worker's name while it lives, and when it is gone."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from devstack.postgres import Postgres
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process

NAME = "chef_mario"
#: Seconds between heartbeats: so long that none tells who lives, within a test.
RARELY = 60
WITHIN = 30.0  # seconds until a name that is free is taken, on a machine that is busy

_LOCKS = """
    select {what} from pg_locks, workers
    where locktype = 'advisory' and granted and objsubid = 1 and workers.name = %s
        and (classid::bigint << 32 | objid::bigint) = hashtextextended(workers.instance::text, 0)
"""


def holds_its_lock(expedite: Expedite) -> bool:
    return expedite.query(_LOCKS.format(what="count(*)"), NAME) == [(1,)]


def start_again(expedite: Expedite) -> Process:
    """Another worker of that name, without waiting for what becomes of it."""
    return expedite.start_worker(NAME, wait=False, HEARTBEAT_INTERVAL=RARELY)


def has_the_name(expedite: Expedite, process: Process) -> bool:
    return bool(process.actions("worker_registered")) and expedite.query("select name, status from workers") == [
        (NAME, "online")
    ]


@contextlib.contextmanager
def losing_its_lock(expedite: Expedite) -> Iterator[None]:
    """The session that holds the worker's lock is ended as soon as there is one, for the length of a block."""
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.is_set():
            expedite.query(_LOCKS.format(what="pg_terminate_backend(pid)"), NAME)
            is_over.wait(0.02)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(10)


def test_the_name_of_a_killed_worker_is_free(expedite: Expedite) -> None:
    killed = expedite.start_worker(NAME, HEARTBEAT_INTERVAL=RARELY)
    killed.kill()
    heir = start_again(expedite)
    eventually(lambda: has_the_name(expedite, heir), WITHIN)
    assert holds_its_lock(expedite)


@pytest.mark.matrix
def test_of_two_who_want_the_name_of_a_killed_worker_one_gets_it(expedite: Expedite) -> None:
    expedite.start_worker(NAME, HEARTBEAT_INTERVAL=RARELY).kill()
    heirs = [start_again(expedite), start_again(expedite)]
    eventually(lambda: sorted([str(heir.popen.poll()) for heir in heirs]) == ["1", "None"], WITHIN)
    [one] = [heir for heir in heirs if heir.popen.poll() is None]
    eventually(lambda: has_the_name(expedite, one), WITHIN)
    [other] = [heir for heir in heirs if heir is not one]
    eventually(lambda: other.actions("worker_registration_failed"))
    assert not other.actions("worker_registered")


@pytest.mark.matrix
def test_a_worker_that_loses_its_lock_again_and_again_keeps_its_name(expedite: Expedite) -> None:
    first = expedite.start_worker(NAME, HEARTBEAT_INTERVAL=RARELY)
    with losing_its_lock(expedite):
        eventually(lambda: not holds_its_lock(expedite))
        second = start_again(expedite)
        assert second.popen.wait(WITHIN) == 1
    eventually(lambda: second.actions("worker_registration_failed"))
    assert not second.actions("worker_registered")
    assert first.popen.poll() is None
    eventually(lambda: holds_its_lock(expedite))
    assert first.stop() == 0


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_worker_keeps_its_name_when_postgresql_restarts_and_all_locks_are_gone(
    private_postgres: Postgres, amqp_uri: str, how: str
) -> None:
    expedite = Expedite(private_postgres.url, amqp_uri)
    try:
        first = expedite.start_worker(NAME, HEARTBEAT_INTERVAL=RARELY)
        (private_postgres.stop if how == "stopped" else private_postgres.kill)()
        second = start_again(expedite)
        eventually(lambda: second.actions("db_connection_failed"), WITHIN)
        private_postgres.start()

        assert second.popen.wait(WITHIN) == 1
        eventually(lambda: second.actions("worker_registration_failed"))
        assert first.popen.poll() is None
        eventually(lambda: holds_its_lock(expedite), WITHIN)
        assert expedite.query("select name, status from workers") == [(NAME, "online")]
    finally:
        expedite.stop_all()


@pytest.mark.matrix
def test_a_sign_of_life_that_is_seen_while_another_waits_for_the_name_counts(expedite: Expedite) -> None:
    expedite.start_worker(NAME, HEARTBEAT_INTERVAL=RARELY).kill()
    second = start_again(expedite)
    eventually(lambda: second.actions("worker_registration_waits"), WITHIN)
    expedite.query("update workers set last_seen = now()")
    assert second.popen.wait(WITHIN) == 1

    told_to_stop = start_again(expedite)
    eventually(lambda: told_to_stop.actions("worker_registration_waits"), WITHIN)
    assert told_to_stop.stop() == 0

    third = start_again(expedite)
    eventually(lambda: third.actions("worker_registration_waits"), WITHIN)
    expedite.query("update workers set status = 'offline', last_seen = now()")
    eventually(lambda: has_the_name(expedite, third), WITHIN)
