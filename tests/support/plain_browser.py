"""A browser without scripts: it opens pages, fills in their forms and sends them, and goes where it is led."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from tests.support import html
from tests.support.html import Element
from tests.support.people import Someone


class PlainBrowser:
    """At the service at `url`, signed in as `who`."""

    def __init__(self, url: str, who: Someone | None = None) -> None:
        self.url = url
        self._session = requests.Session()
        if who is not None:
            self._session.cookies.set("expedite", who.token, domain="127.0.0.1")
        self.status = 0
        #: Where it is: the path, with its query and fragment.
        self.at = ""
        self.page = Element("page", {})

    def open(self, path: str) -> Element:
        """The page at that path."""
        return self._take(self._session.get(urljoin(self.url, path), headers=_ACCEPT, timeout=15), path)

    def send(self, form: Element, button: dict[str, str] | None = None, **fields: Any) -> Element:
        """Send the form with these fields in place of its own, by a button with that name and value if it has one;
        returns the page that comes then."""
        sent = [pair for pair in form.fields() if pair[0] not in fields]
        for name, value in fields.items():
            sent += [(name, each) for each in (value if isinstance(value, list) else [value])]
        sent += (button or {}).items()
        action = urljoin(self.url, form.attributes["action"])
        if form.attributes["method"] == "get":
            return self.open(requests.Request("GET", action, params=sent).prepare().url or "")
        headers = {**_ACCEPT, "Origin": self.url, "Content-Type": "application/x-www-form-urlencoded"}
        answer = self._session.post(action, sent, headers=headers, allow_redirects=False, timeout=15)
        if answer.status_code == 303:
            return self.open(answer.headers["Location"])
        return self._take(answer, action)

    def _take(self, answer: requests.Response, path: str) -> Element:
        fragment = urlsplit(path).fragment
        here = urlsplit(answer.url)
        self.at = here._replace(scheme="", netloc="", fragment=fragment).geturl()
        self.status = answer.status_code
        self.page = html.read(answer.text)
        return self.page


_ACCEPT = {"Accept": "text/html,*/*;q=0.8"}
