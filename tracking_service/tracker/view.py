"""An order as one of those who look at it sees it: the values that the page's template shows."""

from dataclasses import dataclass
from datetime import date, datetime

from common.accounts.access import Visibility
from common.orders import lifecycle, numbers
from common.orders.lifecycle import CANCELLED, COOKING, CUSTOMER
from tracking_service.tracker import words
from tracking_service.tracker.facts import Facts, Line
from tracking_service.tracker.headline import headline, more
from tracking_service.tracker.promise import Promise, promise
from tracking_service.tracker.reading import Ordered, Record
from tracking_service.tracker.sentences import Sentence
from tracking_service.tracker.steps import Step, steps


@dataclass(frozen=True)
class View:
    """What the template shows."""

    facts: Facts
    sequence: int  # of the order's changes
    day: date  # that its number is of
    headline: Sentence
    more: Sentence | None
    promise: Promise | None
    steps: list[Step]
    ordered: Ordered | None  # for its customer and for staff
    is_mine: bool  # whoever looks may cancel it, while that is possible
    key: str | None  # of the order, for who may do so
    can_cancel: bool
    ask: str | None  # whom, where it is too late to cancel here and others still can

    @property
    def is_shown_to_collect(self) -> bool:
        """Its number is what counts now: somebody has to find it, or be found by it."""
        return self.facts.status == lifecycle.READY and self.facts.order_type != lifecycle.DELIVERY

    @property
    def is_over(self) -> bool:
        return lifecycle.is_final(self.facts.status)

    @property
    def can_be_ordered_again(self) -> bool:
        return self.is_mine and self.facts.status in (lifecycle.COMPLETED, lifecycle.CANCELLED, lifecycle.FAILED)


def view(
    record: Record, seen: Visibility, *, key: str, estimate: datetime | None, line: Line | None, now: datetime
) -> View:
    """The order at `now` (UTC), for who may see that much of it. `key` is the order's; `estimate` is when it will
    be ready, or was; `line` is of one that waits."""
    is_told_all = seen in (Visibility.FULL, Visibility.STAFF)
    is_mine = seen is Visibility.FULL
    facts = record.facts(estimate, line, is_public=not is_told_all)
    promised = promise(facts, now)
    ordered = record.ordered if is_told_all else None
    can_cancel = is_mine and CANCELLED in lifecycle.targets(facts.status, CUSTOMER, facts.order_type)
    return View(
        facts=facts,
        sequence=record.sequence,
        day=numbers.day_of(facts.number),
        headline=headline(facts),
        more=more(facts, is_mine=is_mine, table=ordered.table_number if ordered else None),
        promise=promised,
        steps=steps(facts, promised.about if promised else None, now, is_mine=is_mine),
        ordered=ordered,
        is_mine=is_mine,
        key=key if is_mine else None,
        can_cancel=can_cancel,
        ask=words.ASK[facts.order_type] if is_mine and facts.status == COOKING else None,
    )
