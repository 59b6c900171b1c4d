"""What the chart's containers run, run for real, in this checkout; test_built_image.py does it in the image."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.postgres import Postgres
from tests.conftest import copied_database
from tests.support.pods import Pods


@pytest.fixture
def pods(tmp_path: Path, postgres: Postgres, amqp_uri: str) -> Iterator[Pods]:
    with copied_database(postgres.url, template="template0") as database_url:
        started = Pods(tmp_path, database_url, amqp_uri)
        yield started
        started.kill()


def test_tables_are_made_services_come_up_and_an_order_is_cooked(pods: Pods) -> None:
    pods.migrate()
    pods.start()
    assert len(pods.running) == 5
    order = pods.place()
    assert order["tracking_url"].startswith("https://orders.example.com/track/")
    assert pods.cooked(order["order_number"]) == "expedite-kitchen-away-6d5f9c7b8-x2k4q"
    assert set(pods.stop().values()) == {0}
