"""Who looks at orders here, and how much of one they see."""

from datetime import datetime

from common.accounts.access import GUEST, Person, Visibility, visibility
from common.accounts.identity import Caller, Identities
from common.errors import Unauthorized
from common.orders.tracking_links import TrackingLinks


class Visitors:
    """One for each process."""

    def __init__(self, identities: Identities, links: TrackingLinks) -> None:
        self._identities = identities
        self._links = links

    def person(self, caller: Caller) -> Person:
        """Who asks; a guest, where their session is worth nothing (any more)."""
        try:
            return self._identities.of(caller)
        except Unauthorized:
            return Person(GUEST, key=(caller or {}).get("key"), address=(caller or {}).get("address"))

    def seen(
        self,
        person: Person,
        order_number: str,
        customer_id: int | None,
        link_nonce: str | None,
        placed_at: datetime,
    ) -> Visibility:
        """What that person sees of the order: all of it with its key, as its customer and as staff. Where an order
        stands everybody may know here, whosever it is."""
        has_key = self._links.opens(order_number, link_nonce, placed_at, person.key)
        seen = visibility(person, customer_id, has_key)
        return Visibility.STATUS if seen is Visibility.NONE else seen

    def key_of(self, order_number: str, link_nonce: str | None) -> str:
        """The order's, for who sees all of it."""
        return self._links.secret_of(order_number, link_nonce)
