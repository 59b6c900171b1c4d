"""tracking_service looks orders up at a standby, and at the primary when the standby is away or too far behind."""

import pytest
import requests

from devstack.postgres import Postgres
from devstack.standby import Standby
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.scraping import figures
from tests.support.servers import frozen

AN_HOUR = 3600  # seconds; longer than these tests take


def tracking(house: Expedite, standby: Standby, **settings: object) -> Process:
    """That looks up at the standby."""
    process = house.start("tracking_service", STANDBY_URL=standby.url, **settings)
    eventually(lambda: process.actions("standby_read"))
    return process


def status(process: Process, number: str) -> str:
    answer = requests.get(f"{process.url}/orders/{number}/status", timeout=20)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["current_status"])


def on(server: Postgres, statement: str) -> None:
    Expedite(server.url, "").query(statement)


@pytest.mark.one_of_its_kind
def test_one_that_is_too_far_behind_is_left_until_it_has_caught_up(house: Expedite, standby: Standby) -> None:
    house.start("order_service")
    near, far = tracking(house, standby), tracking(house, standby, STANDBY_MAX_LAG=AN_HOUR)
    placed = house.place()
    number = placed["order_number"]
    eventually(lambda: status(near, number) == status(far, number) == "received")

    on(standby, "select pg_wal_replay_pause()")
    cancelled = requests.post(house.with_key(placed, "/cancel"), timeout=20)
    assert cancelled.status_code == 200, cancelled.text
    eventually(lambda: status(near, number) == "cancelled")
    assert status(far, number) == "received"
    eventually(lambda: near.actions("standby_left"))
    assert figures(near)["expedite_standby_lag_seconds",] > 2
    assert figures(near)["expedite_standby_read",] == 0
    # It does not know of the order, and so is not taken at its word.
    assert status(far, house.place_number()) == "received"

    on(standby, "select pg_wal_replay_resume()")
    eventually(lambda: status(far, number) == "cancelled")
    eventually(lambda: len(near.actions("standby_read")) == 2)
    assert figures(near)["expedite_standby_read",] == 1


def test_one_that_dies_is_left_until_it_is_back(house: Expedite, standby: Standby) -> None:
    house.start("order_service")
    number = house.place_number()
    process = tracking(house, standby)
    assert status(process, number) == "received"
    # Its commits would wait for it.
    on(standby.primary, "alter system reset synchronous_standby_names")
    on(standby.primary, "select pg_reload_conf()")
    standby.kill()
    for path in (f"/orders/{number}/status", f"/orders/{number}/history", f"/track/{number}", "/lobby"):
        assert requests.get(f"{process.url}{path}", timeout=20).status_code == 200
    eventually(lambda: process.actions("standby_left"))
    standby.start()
    eventually(lambda: len(process.actions("standby_read")) == 2, 20)
    assert status(process, number) == "received"


def test_one_that_says_nothing_holds_nobody_up_for_long(house: Expedite, standby: Standby) -> None:
    house.start("order_service")
    number = house.place_number()
    process = tracking(house, standby)
    with frozen(standby):
        assert status(process, number) == "received"
        eventually(lambda: process.actions("standby_left"))
        assert figures(process)["expedite_database_up",] == 1
        assert status(process, number) == "received"
    eventually(lambda: len(process.actions("standby_read")) == 2, 20)
