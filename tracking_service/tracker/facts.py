"""What is known of an order, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.orders.lifecycle import COOKING, READY, STAFF


@dataclass(frozen=True)
class Happened:
    """A row of an order's history. `by` and `why` are as whoever looks at it may know them."""

    status: str
    at: datetime  # UTC
    by: str  # a worker, a person, or a word for many (common/orders/lifecycle.py): customer, staff, kitchen
    why: str | None = None


@dataclass(frozen=True)
class Line:
    """Where an order that waits stands among those of its type."""

    ahead: int  # that many are made before it
    is_taken: bool  # somebody is there who makes this type


@dataclass(frozen=True)
class Facts:
    """An order at a moment."""

    number: str
    order_type: str
    status: str
    history: Sequence[Happened]  # oldest first, at least one
    estimate: datetime | None  # when it will be ready, or was (UTC)
    first_estimate: datetime | None  # what its customer was told when it was placed
    processed_by: str | None  # who has it in hand, or had it last
    line: Line | None = None  # while it waits

    @property
    def turns(self) -> list[Happened]:
        """The history without rows that change no status: one that was sent to the front of the line has such a
        row."""
        return [
            happened
            for before, happened in zip([None, *self.history], self.history, strict=False)
            if before is None or before.status != happened.status
        ]

    @property
    def last(self) -> Happened:
        """What brought it into the status that it has."""
        return self.turns[-1]

    @property
    def was_called_back(self) -> bool:
        """It was ready, and then was not, and is not yet again."""
        statuses = [happened.status for happened in self.turns]
        return statuses[-2:] == [READY, COOKING]

    @property
    def maker(self) -> str | None:
        """Who makes it, by the record; None when that is not told. Of an order that was called back the record
        tells who did that, and not who makes it again."""
        is_told = self.status == COOKING and self.processed_by != STAFF
        if not is_told or (self.was_called_back and self.processed_by == self.last.by):
            return None
        return self.processed_by


def minute(moment: datetime) -> datetime:
    """The minute that clocks show. A time counts as past when its minute is."""
    return moment - timedelta(seconds=moment.second, microseconds=moment.microsecond)
