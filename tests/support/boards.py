"""The kitchen's board as a browser without scripts sees it, or the script of a page."""

import re
from dataclasses import dataclass
from typing import Any

import requests

from tests.support.expedite import Expedite
from tests.support.people import Someone


@dataclass
class Board:
    """One browser at the board of a worker's process, with `who` signed in. `origin` is the page's that sends its
    forms."""

    url: str
    who: Someone | None = None
    origin: str | None = None

    @classmethod
    def of(cls, running: Expedite, who: Someone | None = None) -> "Board":
        """At the first worker of `running`."""
        return cls(running.url("kitchen_service"), who)

    def get(self, path: str = "/board") -> requests.Response:
        return requests.get(self.url + path, headers=self._headers(), allow_redirects=False, timeout=15)

    def move(self, number: str, move: str, **fields: str) -> requests.Response:
        """What the page's form sends; a redirect is not followed."""
        headers = {**self._headers(), "Origin": self.origin or self.url}
        path = f"{self.url}/board/{number}/{move}"
        return requests.post(path, data=fields or {"": ""}, headers=headers, allow_redirects=False, timeout=15)

    def move_by_script(self, number: str, move: str, **fields: str) -> requests.Response:
        """What the page's script sends: the answer is the order's card."""
        return self.move(number, move, answer="card", **fields)

    def card(self, number: str) -> str:
        """The HTML of an order's card on the page; empty when there is none."""
        found = re.search(rf'<article[^>]* id="{number}".*?</article>', self.get().text, re.DOTALL)
        return found[0] if found else ""

    def lane(self, number: str) -> str:
        """The lane in which the page has an order; empty when it is not there."""
        lane, at = "", self.get().text
        for found in re.finditer(r'<(?:section|div)[^>]* data-lane="(\w+)"|<article[^>]* id="(\w+)"', at):
            if found[2] == number:
                return lane
            lane = found[1] or lane
        return ""

    def _headers(self) -> dict[str, Any]:
        cookie = {"Cookie": f"expedite={self.who.token}"} if self.who else {}
        return {"Accept": "text/html", **cookie}
