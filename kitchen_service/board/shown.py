"""The whole board as it is shown: plain values, made of what was read and the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.orders.open_orders import Uncovered
from common.pages.settings import AgeLimits
from kitchen_service.board import lanes
from kitchen_service.board.card import Card
from kitchen_service.board.lanes import Hidden
from kitchen_service.board.reading import Kitchen, Recallable


@dataclass(frozen=True)
class Shown:
    """What the board shows at `now` (UTC). `lanes` has the cards that were read, by lane, the first first;
    `numbers` those of all that are on the board. `at` is the id of that state, for the stream."""

    now: datetime
    at: str
    lanes: Mapping[str, Sequence[Card]]
    numbers: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    hidden: Mapping[str, Hidden]
    all_day: Mapping[str, Sequence[tuple[str, int]]]
    with_their_day: Sequence[str]
    recallable: Sequence[Recallable]
    recall_minutes: int
    online: int
    uncovered: Sequence[Uncovered]
    last: Mapping[str, datetime | None]
    menu: str

    @classmethod
    def of(
        cls, kitchen: Kitchen, limits: Mapping[str, AgeLimits], recall_window: float, now: datetime, at: str
    ) -> "Shown":
        """The board; `limits` by order type, `recall_window` in seconds."""
        uncovered = [each for each in kitchen.uncovered if kitchen.nobody.get(each.order_type)]
        types = [each.order_type for each in uncovered]
        cards: dict[str, list[Card]] = {lane: [] for lane in lanes.LANES}
        for ticket in sorted(kitchen.opened.tickets, key=lanes.place):
            cards[lanes.lane_of(ticket, types)].append(Card.of(ticket, limits[ticket.order_type], now))
        counted = lanes.counts(kitchen.counted, kitchen.stopped, kitchen.nobody)
        numbers = sorted(number for inside in kitchen.opened.lanes.values() for number in inside)
        return cls(
            now=now,
            at=at,
            lanes=cards,
            numbers=numbers,
            counts=counted,
            hidden=lanes.hidden(counted),
            all_day=lanes.all_day(kitchen.to_make),
            with_their_day=lanes.with_their_day(numbers),
            recallable=kitchen.recallable,
            recall_minutes=round(recall_window / 60),
            online=kitchen.online,
            uncovered=uncovered,
            last=kitchen.last,
            menu=kitchen.menu,
        )

    @property
    def cards(self) -> list[Card]:
        """All that were read."""
        return [card for inside in self.lanes.values() for card in inside]

    def card(self, number: str) -> Card | None:
        """The order's with that number; None when it is not on the board."""
        return next((card for card in self.cards if card.ticket.number == number), None)
