"""Moves that people make on the board, and what is said to who came second."""

from collections.abc import Mapping
from datetime import timedelta

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.accounts.access import Person
from common.errors import IllegalMove, Invalid, NotFound
from common.orders import front, lifecycle, moves
from common.orders.lifecycle import CANCELLED, COMPLETED, CUSTOMER, FAILED, KITCHEN, READY
from common.orders.moves import Actor
from kitchen_service import clearing
from kitchen_service.board import offers
from kitchen_service.stove import SERVICE_NAME

_MAX_REASON = 500  # characters

_LATEST = text("""
    select l.changed_by, now() - l.changed_at as ago, o.status
    from orders o join order_status_log l on l.order_id = o.id and l.sequence = o.sequence where o.number = :number
""")
_HAS = text("""
    select 1 from order_items i join orders o on o.id = i.order_id
    where o.number = :number and i.name = :dish limit 1
""")
_SELL_OUT = text("update menu_items set available = false where name = :dish")

_NAMES = {CUSTOMER: "its customer", KITCHEN: "the kitchen’s queue"}
_DID = {
    CANCELLED: "cancelled it",
    FAILED: "took it off the board",
    COMPLETED: "handed it over",
}


def move(
    session: Session, number: str, name: str, form: Mapping[str, str], person: Person, **options: float
) -> None:
    """Make the move called `name` (see offers) of an order, as `person`. `options` are those of every move of this
    kitchen. Making the move again that one has made changes nothing.

    Raises NotFound, Invalid, and IllegalMove, which says who was first.
    """
    try:
        if name == offers.FRONT:
            front.send(session, number, person.signature, undo="undo" in form)
        elif name == offers.CLEAR:
            clearing.clear(session, number)
        elif name == offers.FAIL:
            _cannot_make(session, number, form, person, options)
        else:
            _step(session, number, name, person, reason=_reason(form), options=options)
    except IllegalMove as refusal:
        raise said(session, number, name, refusal) from refusal


def _step(
    session: Session, number: str, name: str, person: Person, *, reason: str | None, options: Mapping[str, float]
) -> None:
    target, source = offers.STEPS[name]
    actor = Actor(person.signature, person.moves_as)
    moved = moves.move(session, SERVICE_NAME, number, target, actor, source=source, reason=reason, **options)
    if not moved.changed and session.execute(_LATEST, {"number": number}).one().changed_by != actor.name:
        allowed = lifecycle.targets(moved.status, actor.role, moved.order_type)
        raise IllegalMove.of(number, moved.status, target, allowed)


def _cannot_make(
    session: Session, number: str, form: Mapping[str, str], person: Person, options: Mapping[str, float]
) -> None:
    """Something is out: the order fails for that reason, and with `sell_out` nobody else orders it tonight."""
    dish = form.get("dish", "")
    if not dish:
        reason = _reason(form)
        if reason is None:
            raise Invalid.fields([{"field": "reason", "message": "Say what is out: choose a dish, or write it."}])
        _step(session, number, offers.FAIL, person, reason=reason, options=options)
        return
    if "\0" in dish or session.execute(_HAS, {"number": number, "dish": dish}).one_or_none() is None:
        raise Invalid.fields([{"field": "dish", "message": "This order has no such dish."}])
    _step(session, number, offers.FAIL, person, reason=f"out of {dish}", options=options)
    if "sell_out" in form:
        session.execute(_SELL_OUT, {"dish": dish})


def _reason(form: Mapping[str, str]) -> str | None:
    reason = form.get("reason", "").strip()
    if not reason.isprintable() or len(reason) > _MAX_REASON:
        raise Invalid.fields(
            [{"field": "reason", "message": f"Must be a line of at most {_MAX_REASON} characters."}]
        )
    return reason or None


def said(session: Session, number: str, name: str, refusal: IllegalMove) -> IllegalMove:
    """The refusal of that move, in words for who stands in front of the board: who was first."""
    latest = session.execute(_LATEST, {"number": number}).one_or_none()
    if latest is None:
        raise NotFound(f"There is no order {number}.") from refusal
    if name == offers.RECALL and latest.status == READY:
        words = "It has been ready for too long to be recalled: place it again if it must be made again."
    else:
        words = who_was_first(latest.changed_by, latest.ago, latest.status)
    return IllegalMove(words, refusal.extra)


def who_was_first(changed_by: str, ago: timedelta, status: str) -> str:
    """Who moved an order to that status, and how long ago: "chef_luigi moved it 1 s ago"."""
    seconds = max(0, int(ago.total_seconds()))
    when = "just now"
    if seconds:
        when = f"{seconds} s ago" if seconds < 60 else f"{seconds // 60} min ago"
    return f"{_NAMES.get(changed_by, changed_by)} {_DID.get(status, 'moved it')} {when}"
