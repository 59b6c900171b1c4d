"""What wakes topics: notifications, and the clock where none comes."""

from collections.abc import Callable, Collection, Iterator

import eventlet
import psycopg2
import pytest

from common.live import wakeups
from common.live.wakeups import CHANNELS, Wakeups
from common.settings import Settings, load_config
from tests.support.expedite import CONFIG, Expedite

LISTENING = """
    select count(*) from pg_stat_activity where datname = current_database() and query ~* '^listen'
"""


class Woken:
    """Wakeups, and how often they woke. What waits here lets the other green threads run."""

    def __init__(self, database_url: str) -> None:
        config = load_config(CONFIG)
        uris = dict.fromkeys(config["DB_URIS"], database_url)
        settings = Settings.of({**config, "DB_URIS": uris}, "tracking_service")
        self.is_wanted = True
        self.times = 0
        self.looked = 0
        self.orders: set[int] = set()
        self.wakeups = Wakeups(settings, eventlet.spawn, self)
        self.wakeups.start()

    def hear(self, orders: Collection[int]) -> None:
        self.times += 1
        self.orders |= set(orders)

    def look(self) -> None:
        self.times += 1
        self.looked += 1

    def until(self, condition: Callable[[], object]) -> None:
        with eventlet.Timeout(20):
            while not condition():
                eventlet.sleep(0.01)

    def stop(self) -> None:
        self.is_wanted = False
        self.until(lambda: not self.wakeups._running)


@pytest.fixture
def woken(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Woken]:
    """By notifications alone: the clock stands still."""
    monkeypatch.setattr(wakeups.Wakeups, "_poll", lambda self: self._running.discard(self._poll))
    opened = Woken(database_url)
    yield opened
    opened.stop()


def listening(expedite: Expedite) -> int:
    return int(expedite.query(LISTENING)[0][0])


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_notification_wakes_at_once(woken: Woken, expedite: Expedite, channel: str) -> None:
    woken.until(lambda: woken.times == 1)  # when it began to listen
    for turn in range(2, 5):
        expedite.query(f"notify {channel}")
        woken.until(lambda turn=turn: woken.times == turn)
    assert woken.looked == 1  # only who has heard nothing looks at everything


def test_a_notification_tells_which_orders_it_is_about(woken: Woken, expedite: Expedite) -> None:
    woken.until(lambda: woken.times == 1)
    expedite.query("select pg_notify('orders', payload) from unnest(array['7', '12', 'x', '', '-1']) payload")
    woken.until(lambda: woken.times == 2)
    assert woken.orders == {7, 12}


def test_a_lost_connection_is_made_anew_and_what_was_missed_is_looked_for(
    woken: Woken, expedite: Expedite
) -> None:
    woken.until(lambda: woken.times == 1)
    assert listening(expedite) == 1
    expedite.query("select pg_terminate_backend(pid) from pg_stat_activity where query ~* '^listen'")
    woken.until(lambda: woken.times == 2)
    assert woken.looked == 2
    expedite.query("notify outbox")
    woken.until(lambda: woken.times == 3)


def test_a_server_that_has_gone_silent_is_given_up(
    database_url: str, expedite: Expedite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(wakeups, "_ALIVE_SECONDS", 0.1)
    woken = Woken(database_url)
    woken.until(lambda: listening(expedite) == 1)
    asked: list[str] = []

    def nothing(_session: object, statement: str) -> None:
        asked.append(statement)
        raise psycopg2.OperationalError("no answer")

    monkeypatch.setattr(wakeups.DedicatedSession, "query", nothing)
    woken.until(lambda: len(asked) > 1)
    assert asked == ["select 1", f"listen {CHANNELS[0]}"]  # and then anew
    woken.stop()


def test_where_nobody_may_listen_the_clock_goes_on(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "POLL_SECONDS", 0.01)

    def refused(_session: object, _statement: str) -> None:
        raise psycopg2.errors.FeatureNotSupported("cannot execute LISTEN during recovery")

    monkeypatch.setattr(wakeups.DedicatedSession, "query", refused)
    woken = Woken(database_url)
    woken.until(lambda: woken.times > 3)
    woken.stop()


def test_while_nobody_wants_it_nothing_is_connected(woken: Woken, expedite: Expedite) -> None:
    woken.until(lambda: woken.times == 1)
    assert listening(expedite) == 1
    woken.stop()
    woken.until(lambda: listening(expedite) == 0)
    woken.is_wanted = True
    woken.wakeups.start()
    woken.until(lambda: woken.times == 2)
    assert listening(expedite) == 1
