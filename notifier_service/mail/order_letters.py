"""The letters about orders: news of one, and the question whether somebody wants any.

Nothing that whoever ordered typed stands in the question: it goes to an address of which nobody knows yet whose it
is. The link to the order stands in news only, which go to who has confirmed their address."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from common import codec
from common.orders.lifecycle import (
    CANCELLED,
    COMPLETED,
    COOKING,
    DELIVERY,
    DINE_IN,
    FAILED,
    OUT_FOR_DELIVERY,
    READY,
    TAKEOUT,
)
from common.orders.messages import StatusChanged
from common.pages import words
from common.pages.rendering import Formats, short
from common.postgres.sessions import Sessions
from notifier_service.deliveries.channel import Delivery, Dropped
from notifier_service.mail import choices
from notifier_service.mail.letter import Letter, Link
from notifier_service.settings import NotifierSettings

#: After that it is no news.
NEWS_FOR = timedelta(hours=1)

_ORDER = text("select link_nonce, placed_at from orders where number = :number")
_CHOOSE = "Choose what we write you"


def news(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter | Dropped:
    """What has happened to an order."""
    change = StatusChanged.read(delivery.data)
    if not delivery.sent_again and _age(change) > NEWS_FOR:
        return Dropped("it is old news")
    with sessions.single_in_background() as session:
        address_id, is_wanted = choices.is_still_wanted(
            session, delivery.recipient, codec.dumps(delivery.data).decode()
        )
        order = session.execute(_ORDER, {"number": change.order_number}).one_or_none()
    if not is_wanted:
        return Dropped("its address does not want it any more")
    if order is None:
        return Dropped("there is no such order any more")
    number = short(change.order_number)
    headline, *more = _words(change, Formats(settings.time_zone, settings.currency))
    link = settings.tracking_links().link(change.order_number, order.link_nonce)
    return Letter(
        subject=f"Order {number}: {headline}",
        headline=headline,
        paragraphs=tuple(more),
        button=Link(f"See order {number}", link),
        notes=(
            f"This is about the order {change.order_number}. You get it because you have told us that you want to "
            "hear of your orders.",
            Link(_CHOOSE, choices.choices_link(settings, address_id, delivery.recipient)),
        ),
        unsubscribe=choices.unsubscribe_link(settings, address_id, delivery.recipient),
    )


def question(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter | Dropped:
    """Whether somebody wants news of their orders: the first letter to an address."""
    with sessions.single_in_background() as session:
        address = choices.of_address(session, delivery.recipient)
    if address is None or address.wants == choices.NOTHING:
        return Dropped("its address wants nothing")
    if address.is_confirmed:
        return Dropped("its address is confirmed already")
    if delivery.order_number is None:
        return _asked_for(choices.confirm_link(settings, address.id, address.address))
    number = short(delivery.order_number)
    return Letter(
        subject=f"Order {number}: shall we write you when it is ready?",
        headline=f"Shall we write you about order {number}?",
        paragraphs=(
            f"Somebody has placed the order {delivery.order_number} and given us this address for news of it.",
            "If it was you, say so here. We write when an order is ready; you can choose to hear more, or less.",
        ),
        button=Link("Yes, write me", choices.confirm_link(settings, address.id, address.address)),
        notes=(
            "If it was not you, there is nothing to do: without your yes we send no news.",
            Link("Never ask me again", choices.choices_link(settings, address.id, address.address)),
        ),
    )


def _asked_for(link: str) -> Letter:
    """Somebody who is signed in with the address has asked for it."""
    return Letter(
        subject="Confirm your address",
        headline="Shall we write you about your orders?",
        paragraphs=("You have asked for this letter on the page of your account. Say here that it has arrived.",),
        button=Link("Yes, write me", link),
        notes=("If it was not you, there is nothing to do: without your yes we send no news.",),
    )


def _age(change: StatusChanged) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(change.timestamp)


def _words(change: StatusChanged, formats: Formats) -> tuple[str, ...]:
    """A few words, and a sentence below them where there is more to say."""
    if change.new_status == COOKING:
        if change.old_status == READY:
            return ("Back in the kitchen", "It was not quite ready after all. We write again when it is.")
        if change.estimated_completion is not None:
            ready_at = formats.clock(datetime.fromisoformat(change.estimated_completion))
            return ("Being prepared", f"It will be ready at about {ready_at}.")
    if change.new_status == READY:
        return _READY_AS[change.order_type]
    if change.new_status == COMPLETED:
        return (words.COMPLETED_AS[change.order_type], "Enjoy it.")
    return _WORDS.get(change.new_status, (words.STATUSES[change.new_status],))


_READY_AS = {
    TAKEOUT: ("Ready for pickup", "Show its number at the counter."),
    DINE_IN: ("Ready", "We bring it to your table."),
    DELIVERY: ("Ready", "It waits for whoever brings it to you."),
}
_WORDS = {
    COOKING: ("Being prepared",),
    OUT_FOR_DELIVERY: ("On its way", "It has left, and will be with you soon."),
    CANCELLED: ("Cancelled", "What there is to say about it stands on its page."),
    FAILED: ("It could not be made", "We are sorry. What there is to say about it stands on its page."),
}
