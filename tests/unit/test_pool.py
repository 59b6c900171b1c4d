"""The pool of connections says how it is used."""

import logging
from threading import Thread
from unittest.mock import Mock

from prometheus_client import REGISTRY

from common.postgres.pool import MeasuredPool
from tests.support.eventually import eventually


def measured() -> dict[str, float | None]:
    states = ("in_use", "idle", "waiting")
    return {state: REGISTRY.get_sample_value("expedite_database_pool", {"state": state}) for state in states}


def test_it_counts_what_is_in_use_what_is_idle_and_who_waits() -> None:
    pool = MeasuredPool(Mock, pool_size=2, max_overflow=0, timeout=10)
    assert REGISTRY.get_sample_value("expedite_database_pool_size") == 2
    first, second = pool.connect(), pool.connect()
    assert measured() == {"in_use": 2, "idle": 0, "waiting": 0}
    third = Thread(target=lambda: pool.connect().close())
    third.start()
    eventually(lambda: measured() == {"in_use": 2, "idle": 0, "waiting": 1})
    first.close()
    third.join(10)
    assert measured() == {"in_use": 1, "idle": 1, "waiting": 0}
    second.close()
    assert measured() == {"in_use": 0, "idle": 2, "waiting": 0}


def test_it_logs_no_connection_that_comes_or_goes() -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        pool = MeasuredPool(Mock, pool_size=2, max_overflow=0)
        assert not pool._should_log_info()
    finally:
        root.setLevel(before)


def test_who_gets_no_connection_waits_no_longer() -> None:
    failing = MeasuredPool(Mock(side_effect=OSError), pool_size=2, max_overflow=0, timeout=10)
    for _ in range(2):
        try:
            failing.connect()
        except OSError:
            assert measured()["waiting"] == 0
