"""A house in a time zone of its own: its numbers begin again at its midnight, and its staff ask for its days."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import NO_LIMITS, Someone, get, register

DAY_OF_NUMBER = "select substr(number, 5, 8) = to_char(placed_at at time zone %s, 'YYYYMMDD') from orders"
#: When an order was placed (UTC), and whether that was on the 22nd of November in Los Angeles.
AROUND_A_DAY = {
    "2026-11-22T07:59:59.999Z": False,
    "2026-11-22T08:00:00Z": True,
    "2026-11-22T20:00:00Z": True,
    "2026-11-23T00:00:00Z": True,
    "2026-11-23T07:59:59.999Z": True,
    "2026-11-23T08:00:00Z": False,
}


@pytest.fixture(scope="module")
def los_angeles(running: Expedite) -> Expedite:
    running.start("order_service", TIME_ZONE="America/Los_Angeles", **NO_LIMITS)
    for moment in AROUND_A_DAY:
        number = running.place_number(customer_name="Ada")
        # Its number says on which day of the house that was.
        running.query(
            "update orders set placed_at = moment, number ="
            " to_char(moment at time zone 'America/Los_Angeles', '\"ORD_\"YYYYMMDD') || substr(number, 13)"
            " from (select cast(%s as timestamptz) as moment) placed where number = %s",
            moment,
            number,
        )
    return running


@pytest.fixture(scope="module")
def emma(los_angeles: Expedite) -> Someone:
    return register(los_angeles, "emma", "employee")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_orders_are_numbered_by_the_houses_day(expedite: Expedite, zone: str) -> None:
    """At any time it is another day than UTC's in one of the two."""
    expedite.start("order_service", TIME_ZONE=zone)
    numbers = [expedite.place_number() for _ in range(3)]
    assert [number[13:] for number in numbers] == ["001", "002", "003"]
    assert expedite.query(DAY_OF_NUMBER, zone) == [(True,)] * 3


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-11-22", "to": "2026-11-23"},
        {"from": "2026-11-22T00:00", "to": "2026-11-23T00:00:00.000"},
        {"from": "2026-11-22T08:00:00Z", "to": "2026-11-23T00:00-08:00"},
    ],
    ids=str,
)
def test_a_date_without_a_zone_is_the_houses(los_angeles: Expedite, emma: Someone, query: dict[str, str]) -> None:
    items = get(los_angeles, "/orders", emma, **query).json()["items"]
    placed = {item["placed_at"].replace(".000Z", "Z") for item in items}
    assert placed == {moment for moment, is_that_day in AROUND_A_DAY.items() if is_that_day}


def test_a_time_with_a_zone_is_that_zones(los_angeles: Expedite, emma: Someone) -> None:
    query: dict[str, Any] = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}
    items = get(los_angeles, "/orders", emma, **query).json()["items"]
    assert {item["placed_at"][:13] for item in items} == {"2026-11-22T07", "2026-11-22T08", "2026-11-22T20"}


def test_times_are_told_in_utc_all_the_same(los_angeles: Expedite, emma: Someone) -> None:
    placed = los_angeles.place()
    assert placed["estimated_completion"].endswith("Z")
    [first, *_] = get(los_angeles, "/orders", emma, limit=1).json()["items"]
    for member in ("placed_at", "updated_at", "first_estimate"):
        assert first[member].endswith("Z")


def test_a_time_zone_that_postgresql_does_not_know_ends_the_service(expedite: Expedite, tmp_path: Path) -> None:
    """As one that is younger than PostgreSQL: Python knows it from a folder of its own."""
    import tzdata

    zones = tmp_path / "zones"
    shutil.copytree(Path(tzdata.__file__).parent / "zoneinfo", zones)
    (zones / "Mars").mkdir()
    shutil.copy(zones / "UTC", zones / "Mars/Olympus")
    process = expedite.start("order_service", wait=False, TIME_ZONE="Mars/Olympus", PYTHONTZPATH=zones)
    assert eventually(lambda: process.popen.poll() is not None, 30)
    assert process.popen.returncode == 1
    [line] = eventually(lambda: process.actions("time_zone_unknown"))
    assert "PostgreSQL knows no time zone Mars/Olympus: set another TIME_ZONE" in line["message"]
