"""The pictures: which page, how large, and what is done in it first."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from common.orders import tracking_links
from tests.support.browser import DESKTOP, PHONE, TABLET, WALL, Visitors
from tests.support.expedite import SECRET_KEY, Expedite
from tests.support.people import Someone

_DARK = {"color_scheme": "dark"}


@dataclass(frozen=True)
class Picture:
    """A picture of a page of `service`. In its path {151} stands for the order that is called 151, with its
    key."""

    name: str
    service: str
    path: str
    size: dict[str, int]
    by_staff: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    first: Callable[[Page], None] | None = None

    def take(self, visitors: Visitors, running: Expedite, staff: Someone, folder: Path) -> None:
        """Into `folder`, as <name>.png."""
        page = visitors.open(staff if self.by_staff else None, self.size, **self.options)
        page.goto(
            running.url(self.service) + re.sub(r"\{(\d+)\}", lambda found: _link(running, found[1]), self.path)
        )
        if self.first is not None:
            self.first(page)
        page.mouse.move(0, 0)
        page.evaluate("document.fonts.ready")
        page.screenshot(path=folder / f"{self.name}.png", animations="disabled")
        page.context.close()


def _link(running: Expedite, called: str) -> str:
    [(number,)] = running.query("select max(number) from orders where number like %s", f"ORD_%_{called}")
    return f"{number}?key={tracking_links.secret_of(number, None, SECRET_KEY.encode())}"


def _choose(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("button", name=f"Add {name}").click()
    page.evaluate("scrollTo(0, 0)")


def _dinner(page: Page) -> None:
    _choose(page, "Margherita Pizza", "Margherita Pizza", "Caprese Salad", "Tom Collins")


def _order(page: Page) -> None:
    _dinner(page)
    page.locator("#items textarea").first.fill("no basil on one")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("Table").fill("12")
    page.get_by_label("Eggs").check()
    with page.expect_response(re.compile("/estimate")):
        page.get_by_label("Email").focus()
    page.evaluate("document.activeElement.blur()")


def _refused(page: Page) -> None:
    """What has changed since it was chosen: a dish that was sold out, and one that costs more."""
    _choose(page, "Margherita Pizza", "Margherita Pizza", "Sidecar")
    page.evaluate(
        """() => {
          const kept = JSON.parse(localStorage.getItem("expedite.cart"));
          const [pizza, sidecar] = kept.lines;
          sidecar[1].seen = "12.00";
          const margarita = [...document.querySelectorAll(".dish")].find(
            (dish) => dish.querySelector("h3").textContent.trim() === "Margarita");
          const chosen = { name: "Margarita", seen: "11.50", quantity: 1, note: "" };
          kept.lines = [pizza, [margarita.dataset.tag, chosen], sidecar];
          localStorage.setItem("expedite.cart", JSON.stringify(kept));
        }"""
    )
    page.reload()
    page.locator("#bar").click()
    page.get_by_label("Name").fill("R2-D2")
    page.locator("#place").click()
    page.locator("#summary").wait_for()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")


def _open_dish(page: Page) -> None:
    """A dish beside the menu, to be changed."""
    page.get_by_role("link", name="Clover Club").click()
    page.get_by_label("Name").wait_for()
    page.evaluate("document.activeElement.blur()")


PICTURES = (
    Picture("order-phone", "order_service", "/", PHONE, first=_dinner),
    Picture("order-desktop", "order_service", "/", DESKTOP, first=_order),
    Picture("order-phone-errors", "order_service", "/", PHONE, first=_refused),
    Picture("sign-in-phone", "order_service", "/sign-in", PHONE),
    Picture("tracker-phone", "tracking_service", "/track/{151}", PHONE),
    Picture("tracker-phone-dark", "tracking_service", "/track/{148}", PHONE, options=_DARK),
    Picture("board", "kitchen_service", "/board", WALL, by_staff=True, options=_DARK),
    Picture("board-tablet", "kitchen_service", "/board?type=dine_in", TABLET, by_staff=True, options=_DARK),
    Picture("dashboard", "tracking_service", "/dashboard", DESKTOP, by_staff=True),
    Picture("lobby", "tracking_service", "/lobby", WALL, options=_DARK),
    Picture("menu", "order_service", "/menu", DESKTOP, by_staff=True, first=_open_dish),
    Picture("people", "order_service", "/users", DESKTOP, by_staff=True),
)
