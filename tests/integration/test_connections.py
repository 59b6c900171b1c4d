"""A process says when PostgreSQL may have too few connections for it."""

from tests.support.eventually import eventually
from tests.support.expedite import Expedite


def test_a_process_that_may_want_more_than_there_are_says_the_sum(expedite: Expedite) -> None:
    [(database,)] = expedite.query("select current_database()")
    expedite.query(f"alter database {database} connection limit 12")
    desk = expedite.start("order_service")
    [said] = eventually(lambda: desk.actions("db_connections_scarce"))
    assert said["level"] == "WARNING"
    assert said["details"]["own"] == 13
    assert said["details"]["most"] == 12
    assert f"makes {said['details']['open'] + 13}, and PostgreSQL takes 12" in said["message"]


def test_one_that_has_room_says_nothing(expedite: Expedite) -> None:
    tracking = expedite.start("tracking_service", TRACKING_DB_POOL_SIZE=2)
    eventually(lambda: tracking.actions("db_connected"))
    tracking.stop()
    assert not tracking.actions("db_connections_scarce")
