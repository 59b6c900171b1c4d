"""What the streams of orders send of their pages: HTML that the page puts in its place."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from nameko_sqlalchemy.database import Session

from common.accounts.access import Visibility
from common.errors import Unavailable
from common.live import framing
from common.observability import logs
from common.orders.queries import Standing


class OrderPages(Protocol):
    """What a page of an order shows of it, for the `page` events."""

    def load(self, session: Session, order_ids: Sequence[int]) -> Mapping[int, Any]:
        """What is shown besides the standing, of all these orders at once."""

    def html(self, standing: Standing, loaded: Any, seen: Visibility) -> str:
        """The part of the page that changes, with as much in it as whoever sees it may know. `loaded` is what
        load() gave for this order."""


class Rendered:
    """The page of an order as it stands now: rendered once for all who see the same of it."""

    def __init__(self, pages: OrderPages | None, standing: Standing, loaded: Any) -> None:
        self._pages = pages
        self._standing = standing
        self._loaded = loaded
        self._events: dict[Visibility, list[bytes]] = {}
        self.is_missing = False  # for want of PostgreSQL: it is to be sent later

    def of(self, seen: Visibility) -> list[bytes]:
        """Its event; none where there are no pages."""
        if self._pages is None:
            return []
        if seen not in self._events:
            try:
                html = self._pages.html(self._standing, self._loaded, seen)
                self._events[seen] = [framing.event("page", {"html": html})]
            except Unavailable:
                self.is_missing = True
                self._events[seen] = []
            except Exception:  # whatever is wrong with a page, the steps are told
                logs.event("live_failed", "the page of an order could not be rendered", logging.ERROR)
                self._events[seen] = []
        return self._events[seen]
