"""What a first visit costs: under 100 KiB on a busy evening, and no script."""

import pytest
from playwright.sync_api import Request

from tests.screenshots import evening
from tests.support.browser import Visitors
from tests.support.expedite import Expedite
from tests.support.people import Someone

MOST = 100 * 1024  # bytes over the wire, without heads


@pytest.fixture(scope="module")
def busy(running: Expedite) -> Expedite:
    evening.write(running.database_url)
    return running


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("order_service", "/"),
        ("order_service", "/sign-in"),
        ("order_service", "/orders"),
        ("order_service", "/menu"),
        ("order_service", "/users"),
        ("kitchen_service", "/board"),
        ("tracking_service", "/track/{number}"),
        ("tracking_service", "/lobby"),
        ("tracking_service", "/dashboard"),
    ],
)
def test_a_first_visit_is_light(
    visitors: Visitors, busy: Expedite, boss: Someone, service: str, path: str
) -> None:
    [[number]] = busy.query("select number from orders where status = 'cooking' order by id desc limit 1")
    page = visitors.open(boss, java_script_enabled=False)
    fetched: list[Request] = []
    page.on("requestfinished", lambda request: fetched.append(request))  # noqa: PLW0108 - Playwright marks it
    page.goto(busy.url(service) + path.format(number=number), wait_until="load")
    assert page.locator("main").inner_text()
    assert not [each.url for each in fetched if each.resource_type == "script"]
    assert sum(each.sizes()["responseBodySize"] for each in fetched) < MOST
