"""Workers that nobody has heard of for long leave the lists, and come back to them by registering."""

import requests

from common.orders.moves import Actor
from tests.integration.conftest import Transaction
from tests.support.expedite import Expedite
from tests.support.people import register
from tests.support.rows import move, put

_WORKER = """
    insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
        orders_processed, cooking_speed)
    values (%s, gen_random_uuid(), '{takeout}', 'offline', 30, now(), now() - make_interval(days => %s), 7, 1)
"""


def test_they_leave_the_lists_and_stay_in_histories(expedite: Expedite, transaction: Transaction) -> None:
    for name, days in (("long-gone", 8), ("lately", 6)):
        expedite.query(_WORKER, name, days)
    put(transaction, "ORD_20261101_001")
    move(transaction, "ORD_20261101_001", "cooking", "ready", actor=Actor("long-gone", "worker"))
    expedite.start("order_service")
    tracking = expedite.start("tracking_service")
    anna = register(expedite, "anna", "employee")

    def listed() -> list[str]:
        return [row["worker_name"] for row in expedite.track("/workers/status")]

    assert listed() == ["lately"]
    answer = requests.get(f"{tracking.url}/dashboard", cookies={"expedite": anna.token}, timeout=15)
    assert answer.status_code == 200
    assert "long-gone" not in answer.text
    history = expedite.track("/orders/ORD_20261101_001/history")
    assert [step["changed_by"] for step in history] == ["customer", "long-gone", "long-gone"]

    expedite.start_worker("long-gone")
    assert listed() == ["lately", "long-gone"]
    [(cooked,)] = expedite.query("select orders_processed from workers where name = 'long-gone'")
    assert cooked == 7
