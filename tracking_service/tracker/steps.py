"""The steps of an order: those that it has taken, with their times from its history, the one that it is at, and
those to come, of which one has a time if there is an estimate."""

from dataclasses import dataclass
from datetime import datetime

from common.orders.lifecycle import (
    CANCELLED,
    COMPLETED,
    COOKING,
    DELIVERY,
    DINE_IN,
    FAILED,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
    STAFF,
    TAKEOUT,
)
from tracking_service.tracker import words
from tracking_service.tracker.facts import Facts, Happened
from tracking_service.tracker.sentences import Age, Sentence

#: The statuses that an order of each type goes through when all is well.
WAYS = {
    DINE_IN: (RECEIVED, COOKING, READY, COMPLETED),
    TAKEOUT: (RECEIVED, COOKING, READY, COMPLETED),
    DELIVERY: (RECEIVED, COOKING, READY, OUT_FOR_DELIVERY, COMPLETED),
}

DONE = "done"
NOW = "now"  # the one that the order is at
AHEAD = "ahead"
STOPPED = "stopped"  # cancelled, or failed

_ENDS = (CANCELLED, FAILED)


@dataclass(frozen=True)
class Step:
    """A line of the list. `time` is a real one, or begins with "about"; `details` stand below."""

    name: str
    state: str
    time: Sentence | None = None
    details: tuple[Sentence, ...] = ()


def steps(facts: Facts, estimate: datetime | None, now: datetime, *, is_mine: bool) -> list[Step]:
    """Of an order. `estimate` is when it will be ready, None where that shall not be said; `is_mine` speaks to its
    customer."""
    turns = facts.turns
    taken: list[Step] = []
    for position, happened in enumerate(turns):
        before = [each.status for each in turns[:position]]
        after = turns[position + 1] if position + 1 < len(turns) else None
        taken.append(_taken(happened, before, after, facts))
        if happened.status == RECEIVED and after is None:
            taken.append(_waiting(facts, happened.at, now, is_mine))
    return taken + _to_come(facts, estimate)


def _taken(happened: Happened, before: list[str], after: Happened | None, facts: Facts) -> Step:
    status = happened.status
    name = words.step(status, facts.order_type)
    if status == RECEIVED and before:
        name = words.TAKEN_UP_AGAIN
    if status == COOKING and COOKING in before:
        name = words.PREPARING_AGAIN
    if status in _ENDS:
        state = STOPPED
    elif after is not None or status in (RECEIVED, COMPLETED):
        state = DONE
    else:
        state = NOW
    is_going_on = state == NOW and status == COOKING
    details: tuple[Sentence, ...] = ()
    if status == READY and after is not None and after.status == COOKING:
        details = (_called_back(after),)
    elif is_going_on and facts.maker is not None:
        details = (Sentence("by {who}", who=facts.maker),)
    return Step(name, state, Sentence("since {when}" if is_going_on else "{when}", when=happened.at), details)


def _called_back(again: Happened) -> Sentence:
    who = "Called back" if again.by == STAFF else "Called back by {who}"
    if again.why is None:
        return Sentence(who + " at {when}", who=again.by, when=again.at)
    return Sentence(who + " at {when}: {why}", who=again.by, when=again.at, why=again.why)


def _waiting(facts: Facts, since: datetime, now: datetime, is_mine: bool) -> Step:
    minutes = max(0, int((now - since).total_seconds())) // 60
    details: tuple[Sentence, ...] = ()
    if facts.line is not None:
        whose = "You are" if is_mine else "It is"
        place = words.ordinal(facts.line.ahead + 1)
        details = (Sentence(f"{whose} {place} in line for {words.MANY[facts.order_type]}"),)
    return Step(words.WAITING, NOW, Sentence("{age}", age=Age(since, minutes)), details)


def _to_come(facts: Facts, estimate: datetime | None) -> list[Step]:
    if facts.status in _ENDS:
        return []
    way = WAYS[facts.order_type]
    return [
        Step(
            words.step(status, facts.order_type),
            AHEAD,
            Sentence("about {when}", when=estimate) if status == READY and estimate is not None else None,
        )
        for status in way[way.index(facts.status) + 1 :]
    ]
