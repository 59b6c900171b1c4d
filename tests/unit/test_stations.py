"""The workers that one kitchen process is: what they are called, and whose hands are free."""

from typing import Any

import pytest

from common.settings import SettingsError, load_config
from kitchen_service.settings import KitchenSettings
from kitchen_service.stations import Stations
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
