"""Somebody at the order page whose scripts are off."""

import re
from dataclasses import dataclass, field
from typing import Any

import requests

from order_service.menu.catalogue import tag
from tests.support import html
from tests.support.expedite import Expedite
from tests.support.html import Element
from tests.support.people import Someone

AT_A_TABLE = {"customer_name": "Ada Lovelace", "order_type": "dine_in", "table_number": "12"}


@dataclass
class Browser:
    """Somebody at the page, with scripts off."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    answer: requests.Response = field(default_factory=requests.Response)
    page: Element = field(default_factory=lambda: Element("page", {}))

    def open(self, path: str = "/") -> "Browser":
        return self._take(self.session.get(self.url + path, headers={"Accept": "text/html"}, timeout=15))

    def send(self, button: dict[str, str] | None = None, **fields: str | list[str]) -> "Browser":
        """Send the form with these fields in place of its own, by a button that has a name and a value or not."""
        form = self.form()
        sent = [pair for pair in form.fields() if pair[0] not in fields]
        for name, value in fields.items():
            sent += [(name, each) for each in (value if isinstance(value, list) else [value])]
        return self.post([*sent, *(button or {}).items()])

    def post(self, sent: Any, **headers: str) -> "Browser":
        """Send these fields."""
        headers = {"Origin": self.url, "Accept": "text/html", **headers}
        answer = self.session.post(f"{self.url}/", sent, headers=headers, allow_redirects=False, timeout=15)
        return self._take(answer)

    def form(self) -> Element:
        return self.page.one("form", id="order-form")

    def key(self) -> str:
        return self.form().one("input", name="key").attributes["value"]

    def line(self, dish: str) -> Element:
        return self.page.one("li", id=f"line-{tag(dish)}")

    def summary(self) -> Element:
        return self.page.one(id="summary")

    def tracker(self) -> str:
        """Where the answer leads, when the order is placed."""
        assert self.answer.status_code == 303, self.page.text
        return self.answer.headers["Location"]

    def _take(self, answer: requests.Response) -> "Browser":
        self.answer = answer
        self.page = html.read(answer.text)
        return self


def many(dish: str, quantity: object) -> dict[str, str]:
    """So many of a dish, as a field."""
    return {f"q{tag(dish)}": str(quantity)}


def signed_in(browser: Browser, who: Someone) -> Browser:
    browser.session.cookies.set("expedite", who.token, domain="127.0.0.1")
    return browser


def order_of(house: Expedite, link: str) -> dict[str, Any]:
    """The order that a tracking link leads to, as its customer reads it."""
    number, key = re.search(r"(ORD_\d+_\d+)\?key=([\w-]+)", link).groups()  # type: ignore[union-attr]
    answer = requests.get(f"{house.url('order_service')}/orders/{number}", params={"key": key}, timeout=15)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]
