"""When an order will be ready, and what has become of what its customer was told at first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.orders.lifecycle import COOKING, FAILED, RECEIVED
from tracking_service.tracker import words
from tracking_service.tracker.facts import Facts, minute
from tracking_service.tracker.sentences import Sentence

#: What is later than was said by less than this is as good as on time.
MIN_SLIP = timedelta(minutes=2)


@dataclass(frozen=True)
class Promise:
    """For an order that waits or is being prepared."""

    about: datetime | None  # when it will be ready; None when that is not known (any more)
    is_overdue: bool  # it was to be ready before now
    what: str  # what happens then
    first: datetime | None = None  # what was said at first, if it has slipped
    later_by: int = 0  # minutes, as one counts them between the times that are shown
    why: Sentence | None = None  # it has slipped, or is overdue


def promise(facts: Facts, now: datetime) -> Promise | None:
    """None for an order of which nothing is promised (any more)."""
    if facts.status not in (RECEIVED, COOKING):
        return None
    what = words.PROMISED[facts.order_type]
    about, first = facts.estimate, facts.first_estimate
    if about is None:
        return Promise(None, False, what)
    if minute(about) < minute(now):
        return Promise(None, True, what, why=_why(facts))
    if first is None or about - first < MIN_SLIP:
        return Promise(about, False, what)
    later_by = int((minute(about) - minute(first)).total_seconds()) // 60
    return Promise(about, False, what, first, later_by, _why(facts))


def _why(facts: Facts) -> Sentence | None:
    """Why it takes longer, where something is known that makes it so."""
    if facts.was_called_back:
        return Sentence("It went back to be put right.")
    if facts.line is not None and not facts.line.is_taken:
        return Sentence(f"Nobody here makes {words.MANY[facts.order_type]} right now.")
    if any(happened.status == FAILED for happened in facts.turns):
        return Sentence("Something went wrong, and it was taken up again.")
    if facts.line is not None and facts.line.ahead:
        ahead = facts.line.ahead
        return Sentence("One order is ahead of it." if ahead == 1 else f"{ahead} orders are ahead of it.")
    return None
