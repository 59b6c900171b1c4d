"""Sign-ins, on machines whose clocks differ or are set."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from tests.support.clock import Clock
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.people import NO_LIMITS, Someone, register

AN_HOUR = 3600


@pytest.fixture
def clock(tmp_path: Path, expedite: Expedite) -> Iterator[Clock]:
    clock = Clock(tmp_path / "clock")
    yield clock
    expedite.stop_all()
    clock.close()


def orders(at: Process, who: Someone) -> int:
    """The status of the answer to who asks that process for their orders."""
    return requests.get(f"{at.url}/orders", headers=who.headers, timeout=15).status_code


def shows(at: Process, seconds: int) -> bool:
    """Whether that process's clock is so many seconds ahead of this one's, or nearly."""
    date = requests.get(f"{at.url}/menu", timeout=15).headers["Date"]
    return abs(parsedate_to_datetime(date).timestamp() - time.time() - seconds) < 10


def test_a_sign_in_outlives_clocks_that_differ_and_are_set_back_but_not_its_hour(
    expedite: Expedite, clock: Clock
) -> None:
    clock.step(20)
    ahead = expedite.start("order_service", **NO_LIMITS, **clock.environment)
    ada = register(expedite)
    behind = expedite.start("order_service", **NO_LIMITS)
    assert shows(ahead, 20)
    assert [orders(process, ada) for process in (ahead, behind)] == [200, 200]

    clock.step(-AN_HOUR)
    eventually(lambda: shows(ahead, -AN_HOUR))
    assert orders(ahead, ada) == 200
    bob = register(expedite, "bob")
    clock.step(60)
    eventually(lambda: orders(ahead, bob) == 401)
    assert orders(ahead, ada) == 200
    clock.step(AN_HOUR + 120)
    eventually(lambda: orders(ahead, ada) == 401)
