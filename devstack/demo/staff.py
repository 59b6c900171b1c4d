"""Staff: they serve what is ready, send out deliveries, call one back, send one to the front, take in hand what no
worker takes, and sell a dish out and back."""

from typing import Any

from devstack.demo.door import Door
from devstack.demo.evening import Evening
from devstack.demo.workers import ONLY_HIS

_SIGN_IN_EVERY = 1800.0  # seconds
_LOOK = 1.0  # seconds between two looks at the board
#: Seconds that something takes them, from and to.
_TO_SERVE = (4, 18)
_TO_SEND_OUT = (5, 15)
_ON_THE_WAY = (15, 40)
_BY_HAND = 10
_WAITS_TOO_LONG = 45  # seconds after which they take in hand what no worker takes
_SOLD_OUT = 40  # seconds for which a dish is
#: Seconds after the beginning, and again after so many.
_SELL_OUT_AT, _SELL_OUT_EVERY = 20, 100
_RECALL_AT, _RECALL_EVERY = 30, 90
_FRONT_AT, _FRONT_EVERY = 15, 60


class Staff:
    """Those who work at the counter."""

    def __init__(self, evening: Evening, door: Door) -> None:
        self._evening = evening
        self._door = door
        self._seen: dict[str, str] = {}  # the status in which they have last seen an order
        self._is_recalling = self._is_fronting = self._is_cooking = False
        self._sold_out: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Their shift begins."""
        evening = self._evening
        evening.every(_SIGN_IN_EVERY, self._door.sign_in)
        evening.every(_LOOK, self._look)
        evening.later(_SELL_OUT_AT, lambda: evening.every(_SELL_OUT_EVERY, self._sell_out))
        evening.later(_RECALL_AT, lambda: evening.every(_RECALL_EVERY, self._want_recall))
        evening.later(_FRONT_AT, lambda: evening.every(_FRONT_EVERY, self._want_front))

    def go_home(self) -> None:
        """What is sold out can be had again tomorrow."""
        for dish in list(self._sold_out):
            self._bring_back(dish)

    def _want_recall(self) -> None:
        self._is_recalling = True

    def _want_front(self) -> None:
        self._is_fronting = True

    def _look(self) -> None:
        for order in self._door.orders("received,ready,out_for_delivery"):
            number, status = order["order_number"], order["status"]
            if self._seen.get(number) == status:
                continue
            self._seen[number] = status
            if status == "received":
                self._wait(order)
            elif status == "ready":
                self._hand_over(order)
            else:
                self._after(_ON_THE_WAY, order, "complete")

    def _wait(self, order: dict[str, Any]) -> None:
        if order["order_type"] == ONLY_HIS:
            self._evening.later(_WAITS_TOO_LONG, lambda: self._take_in_hand(order))
        if self._is_fronting and order["priority"] == 1:
            self._is_fronting = not self._move(order, "front", "goes to the front of the line")

    def _hand_over(self, order: dict[str, Any]) -> None:
        if self._is_recalling:
            self._is_recalling = False
            self._evening.later(2, lambda: self._recall(order))
        elif order["order_type"] == "delivery":
            self._after(_TO_SEND_OUT, order, "dispatch")
        else:
            self._after(_TO_SERVE, order, "complete")

    def _recall(self, order: dict[str, Any]) -> None:
        if self._move(order, "recall", "is called back: something was missing"):
            self._seen.pop(order["order_number"], None)
            self._evening.later(_BY_HAND, lambda: self._move(order, "ready", None))
        else:  # too late for that
            self._hand_over(order)

    def _take_in_hand(self, order: dict[str, Any]) -> None:
        """What waits still, since no worker online takes its type. They make one at a time."""
        if not self._is_cooking and self._move(order, "start", "has waited for long: staff make it themselves"):
            self._is_cooking = True
            self._evening.later(_BY_HAND, lambda: self._finish(order))

    def _finish(self, order: dict[str, Any]) -> None:
        self._is_cooking = False
        self._move(order, "ready", None)

    def _sell_out(self) -> None:
        menu = self._door.menu()
        if not menu:
            return
        dish = self._evening.random.choice(menu)
        if self._door.sell_out(dish, False):
            self._sold_out.append(dish)
            self._evening.tell(f"{dish['name']} is sold out")
            self._evening.later(_SOLD_OUT, lambda: self._bring_back(dish))

    def _bring_back(self, dish: dict[str, Any]) -> None:
        if dish in self._sold_out and self._door.sell_out(dish, True):
            self._sold_out.remove(dish)
            self._evening.tell(f"{dish['name']} is back on the menu")

    def _after(self, seconds: tuple[float, float], order: dict[str, Any], move: str) -> None:
        self._evening.later(self._evening.random.uniform(*seconds), lambda: self._move(order, move, None))

    def _move(self, order: dict[str, Any], move: str, told: str | None) -> bool:
        is_moved = self._door.move(order["order_number"], move)
        if is_moved and told is not None:
            self._evening.tell(f"{order['order_number'].rpartition('_')[2]} {told}")
        return is_moved
