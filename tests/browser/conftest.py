"""The pages in a real browser. A file's tests share one restaurant: its services, its menu and its people.

Each page is opened by `visitors`, which fails a test when a script fails in a page, when its policy forbids
something that the page does, or when it asks anything of another machine."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from devstack import launcher
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import copied_database
from tests.support import people
from tests.support.browser import Visitors, launch
from tests.support.browser import visitors as visiting
from tests.support.expedite import ROOT, Expedite
from tests.support.people import Someone

#: Milliseconds for what a page has to show, on a machine that does much else.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        running = launch(playwright, tmp_path_factory.mktemp("browser"))
        yield running
        running.close()


@pytest.fixture(scope="module")
def running(postgres: Postgres, rabbitmq: RabbitMQ) -> Iterator[Expedite]:
    """A restaurant with the starter menu, whose kitchen leaves the cooking to people; everything that has pages
    runs."""
    vhost = f"test-{uuid.uuid4().hex[:12]}"
    with copied_database(postgres.url) as database_url:
        running = Expedite(database_url, rabbitmq.add_vhost(vhost))
        try:
            launcher.run_module(["order_service.menu.starter"], ROOT, running.environment())
            running.start("order_service", wait=False, **people.NO_LIMITS)
            running.start("tracking_service", wait=False)
            running.start_worker("chef_mario", COOKING="staffed", COOKING_SPEED=1)
            for process in running.processes:
                process.wait_ready()
            yield running
        finally:
            running.stop_all()
            rabbitmq.delete_vhost(vhost)


@pytest.fixture(scope="module")
def anna(running: Expedite) -> Someone:
    """An employee."""
    return people.register(running, "anna", "employee")


@pytest.fixture(scope="module")
def boss(running: Expedite) -> Someone:
    """An admin."""
    return people.register(running, "boss", "admin")


@pytest.fixture
def visitors(browser: Browser, running: Expedite) -> Iterator[Visitors]:
    with visiting(browser, running.url("order_service")) as opened:
        yield opened
