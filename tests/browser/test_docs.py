"""The pages of the documents."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import DESKTOP, PHONE, TABLET, Visitors, scrolls_sideways, serious_faults
from tests.support.expedite import Expedite


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (PHONE, "light"), (TABLET, "dark"), (PHONE, "dark")]
)
@pytest.mark.parametrize("service", ["order_service", "tracking_service"])
def test_a_document_can_be_read_by_everybody(
    running: Expedite, visitors: Visitors, service: str, size: dict[str, int], scheme: str
) -> None:
    page = visitors.open(viewport=size, color_scheme=scheme)
    page.goto(f"{running.url(service)}/docs")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for details in page.locator("article details").all():
        details.evaluate("element => element.open = true")
    assert not scrolls_sideways(page)
    assert serious_faults(page) == []


def test_a_route_is_found_without_scripts(running: Expedite, visitors: Visitors) -> None:
    page = visitors.open(viewport=DESKTOP, java_script_enabled=False)
    page.goto(f"{running.url('order_service')}/docs")
    page.get_by_role("navigation", name="Routes").get_by_role("link", name="POST /orders", exact=True).click()
    expect(page.locator("#place_order")).to_be_in_viewport()
    page.get_by_role("link", name="Tracking").click()
    expect(page.locator("#order_status")).to_contain_text("Where an order stands")
