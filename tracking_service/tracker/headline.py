"""How an order stands, in a few words, and in a sentence below them where there is more to say."""

from collections.abc import Callable

from common.orders.lifecycle import (
    CANCELLED,
    COMPLETED,
    COOKING,
    CUSTOMER,
    DELIVERY,
    FAILED,
    KITCHEN,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
    STAFF,
    TAKEOUT,
)
from tracking_service.tracker import words
from tracking_service.tracker.facts import Facts, Happened
from tracking_service.tracker.sentences import Sentence


def headline(facts: Facts) -> Sentence:
    """The status in words."""
    return _HEADLINES[facts.status](facts)


def more(facts: Facts, *, is_mine: bool, table: int | None) -> Sentence | None:
    """What there is to say besides. `table` is the order's, where whoever looks may know it."""
    last = facts.last
    if facts.status in (CANCELLED, FAILED):
        return _ended(last, is_mine)
    if facts.status == READY:
        return _ready(facts.order_type, table)
    if facts.status == OUT_FOR_DELIVERY:
        return Sentence("It left at {when}.", when=last.at)
    if facts.status == COMPLETED:
        return Sentence("At {when}. Enjoy it." if is_mine else "At {when}.", when=last.at)
    return None


def _preparing(facts: Facts) -> Sentence:
    if facts.maker is not None:
        return Sentence("{who} is preparing it", who=facts.maker)
    is_again = [happened.status for happened in facts.turns].count(COOKING) > 1
    return Sentence("Being prepared again" if is_again else "Being prepared")


_HEADLINES: dict[str, Callable[[Facts], Sentence]] = {
    RECEIVED: lambda facts: Sentence(words.WAITING),
    COOKING: _preparing,
    READY: lambda facts: Sentence(words.READY_AS[facts.order_type]),
    OUT_FOR_DELIVERY: lambda facts: Sentence("On its way"),
    COMPLETED: lambda facts: Sentence(words.step(COMPLETED, facts.order_type)),
    CANCELLED: lambda facts: Sentence("Cancelled"),
    FAILED: lambda facts: Sentence("It could not be made"),
}


def _ready(order_type: str, table: int | None) -> Sentence:
    if order_type == TAKEOUT:
        return Sentence("Show this number at the counter.")
    if order_type == DELIVERY:
        return Sentence("It waits for whoever brings it to you.")
    if table is None:
        return Sentence("We bring it to your table.")
    return Sentence("We bring it to table {table}.", table=table)


def _ended(end: Happened, is_mine: bool) -> Sentence:
    if end.by == KITCHEN:
        # Nothing that the system tried helped. Its own reason is for whoever looks after it.
        return Sentence("We had to give it up at {when}.", when=end.at)
    what = "cancelled it" if end.status == CANCELLED else "gave it up"
    who = {CUSTOMER: "You" if is_mine else "Its customer", STAFF: "Staff"}.get(end.by, "{who}")
    if end.why is None:
        return Sentence(f"{who} {what} at {{when}}.", who=end.by, when=end.at)
    return Sentence(f"{who} {what} at {{when}}: {{why}}", who=end.by, when=end.at, why=end.why)
