"""A slow or absent PostgreSQL stops nothing but the requests that need it."""

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import requests

from devstack.postgres import Postgres
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order

WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


def test_ten_requests_wait_for_postgresql_at_once_while_others_are_answered(expedite: Expedite) -> None:
    door = expedite.start("order_service", SWEEP_INTERVAL=3600).url  # or the sweeper may wait with them
    number = expedite.place()["order_number"]
    blocker = psycopg2.connect(expedite.database_url)
    try:
        with blocker.cursor() as cursor, ThreadPoolExecutor(10) as threads:
            cursor.execute("lock table orders in access exclusive mode")
            answers = [threads.submit(requests.get, f"{door}/orders/{number}", timeout=15) for _ in range(10)]
            eventually(lambda: expedite.query(WAITING) == [(10,)])
            assert requests.get(f"{door}/health/live", timeout=15).status_code == 200
            assert not any(answer.done() for answer in answers)
            blocker.rollback()
            assert [answer.result(10).status_code for answer in answers] == [200] * 10
    finally:
        blocker.close()


def test_without_postgresql_orders_are_refused_for_now_and_taken_again_when_it_is_back(
    private_postgres: Postgres, amqp_uri: str
) -> None:
    expedite = Expedite(private_postgres.url, amqp_uri)
    try:
        process = expedite.start("order_service")
        before = expedite.place()["order_number"]
        private_postgres.kill()
        for method, path in (("POST", "/orders"), ("GET", f"/orders/{before}"), ("GET", "/health/ready")):
            answer = requests.request(
                method, f"{process.url}{path}", json=an_order() if method == "POST" else None, timeout=20
            )
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["code"] == "unavailable"
            assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
        assert requests.get(f"{process.url}/health/live", timeout=5).status_code == 200
        private_postgres.start()
        process.wait_ready()
        after = expedite.place()["order_number"]
        assert int(after.rpartition("_")[2]) == int(before.rpartition("_")[2]) + 1
        assert process.actions("db_query_failed")
        assert process.popen.poll() is None
    finally:
        expedite.stop_all()
