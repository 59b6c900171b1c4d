"""The workers that one kitchen process is: what they are called, and whose hands are free."""

import uuid
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock, Mock

import eventlet
import pytest

from common.postgres.sessions import Sessions
from common.settings import SettingsError, load_config
from kitchen_service.settings import KitchenSettings
from kitchen_service.stations import Stations
from kitchen_service.stove import Stove
from tests.support.expedite import CONFIG


def settings(**changes: Any) -> KitchenSettings:
    return KitchenSettings.of({**load_config(CONFIG), **changes}, "kitchen_service")


def test_one_station_has_the_workers_own_name() -> None:
    assert settings().stations == 1
    assert settings(WORKER_NAME="bar").worker_names == ("bar",)


def test_more_stations_are_numbered() -> None:
    assert settings(WORKER_NAME="bar", STATIONS=3).worker_names == ("bar 1", "bar 2", "bar 3")


@pytest.mark.parametrize("stations", [0, 1001, 1.5, True, "two", None])
def test_stations_are_one_to_a_thousand(stations: object) -> None:
    with pytest.raises(SettingsError, match="STATIONS"):
        settings(STATIONS=stations)


@pytest.mark.parametrize(("length", "stations"), [(50, 1), (48, 9), (47, 99), (45, 1000)])
def test_a_name_has_room_for_the_longest_number(length: int, stations: int) -> None:
    assert len(settings(WORKER_NAME="x" * length, STATIONS=stations).worker_names[-1]) == 50
    with pytest.raises(SettingsError, match="WORKER_NAME"):
        settings(WORKER_NAME="x" * (length + 1), STATIONS=stations)


def test_a_process_has_a_thousand_orders_in_hand_at_most() -> None:
    assert settings(STATIONS=100, PREFETCH=10).prefetch == 10
    with pytest.raises(SettingsError, match="STATIONS times PREFETCH"):
        settings(STATIONS=101, PREFETCH=10)


def test_each_station_has_as_many_hands_as_its_prefetch() -> None:
    stations = Stations(("bar 1", "bar 2"), 2)
    assert [stations.take() for _ in range(stations.free_hands)] == ["bar 1", "bar 2"] * 2
    with pytest.raises(IndexError):
        stations.take()


def test_the_hand_that_has_been_free_for_longest_is_next() -> None:
    stations = Stations(("bar 1", "bar 2", "bar 3"), 1)
    stations.put_down(stations.take())
    assert [stations.take() for _ in range(3)] == ["bar 2", "bar 3", "bar 1"]


class Counted:
    """Stands for what a crowd uses: how many did at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = self.uses = 0

    def use(self, *_args: Any, **_options: Any) -> Any:
        self.now += 1
        self.uses += 1
        self.most = max(self.most, self.now)
        eventlet.sleep(0)
        self.now -= 1
        return Mock(changed=True, fence=1)


def a_crowd(act: Callable[[], object], people: int = 1000) -> None:
    for each in [eventlet.spawn(act) for _ in range(people)]:
        each.wait()


def test_a_crowd_waits_its_turn_for_connections() -> None:
    counted = Counted()
    new_session: Any = MagicMock()
    sessions = Sessions(new_session, settings(), Mock(is_open=False)).in_turn(3)

    def write() -> None:
        with sessions.begin():
            counted.use()

    a_crowd(write)
    assert (counted.most, counted.uses) == (3, 1000)


def test_a_crowd_of_moves_waits_its_turn_to_be_written() -> None:
    counted = Counted()
    stove = Stove(Mock(), settings(), uuid.uuid4())
    stove._mover = Mock(move=counted.use)
    order: Any = Mock(prep_seconds=1, order_number="ORD_20261122_001")
    a_crowd(lambda: stove.take(order, 0, "bar 1"))
    assert (counted.most, counted.uses) == (200, 1000)


def test_all_who_ask_at_once_whether_postgresql_is_there_have_one_look_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted()
    monkeypatch.setattr("common.postgres.sessions.connect_failure", counted.use)
    sessions = Sessions(Mock(), settings(), Mock())
    a_crowd(sessions.can_connect, 100)
    assert (counted.most, counted.uses) == (1, 1)
    sessions.can_connect()
    assert counted.uses == 2
