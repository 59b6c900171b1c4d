"""Guests: they order, some change their mind, and some come back for more."""

import math
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from devstack.demo.door import Door
from devstack.demo.evening import Evening

_NAMES = (
    "Ada Lovelace",
    "Alan Turing",
    "Barbara Liskov",
    "Dennis Ritchie",
    "Donald Knuth",
    "Dorothy Vaughan",
    "Edsger Dijkstra",
    "Frances Allen",
    "Grace Hopper",
    "Hedy Lamarr",
    "Ken Thompson",
    "Margaret Hamilton",
    "Niklaus Wirth",
    "Radia Perlman",
)
_STREETS = ("Harbour Street", "Mill Lane", "Station Road", "Canal Walk")
#: What a guest may say of a dish, by its category; of any other, nothing.
_NOTES = {
    "pizza": ("well done", "cut in 8", "not too hot, for a child", "light on the cheese"),
    "salad": ("dressing aside", "no olive oil", "bread with it, please"),
    "dessert": ("two spoons", "with a candle, it is a birthday"),
    "cocktail": ("no ice", "less sweet", "with a twist", "two straws"),
}
_ALLERGIES = ("gluten", "eggs", "fish", "milk", "nuts", "peanuts", "mustard", "sulphites")

_PAUSE = 3.6  # seconds between two orders, on the average
_OPENING = 12.0  # seconds for which they come faster, so that there is something to see at once
_MIN_PAUSE = 0.5
_WAVE = 90.0  # seconds from one rush to the next
_CANCELS = 12  # each such order is cancelled, besides some others; the first ones would be on the stove already
_LAST_ORDERS = 25.0  # seconds before the end


class Guests:
    """Those who come. `placed`, `cancelled` and `returned` count what they did."""

    def __init__(self, evening: Evening, door: Door) -> None:
        self._evening = evening
        self._door = door
        self.placed = self.cancelled = self.returned = 0

    def begin(self) -> None:
        """The doors open."""
        self._arrive()

    def _arrive(self) -> None:
        """Somebody comes, and after a while somebody else."""
        evening = self._evening
        is_last = evening.age() > max(evening.seconds - _LAST_ORDERS, evening.seconds / 2)
        if is_last:
            return
        self._order(evening.random.choice(_NAMES))
        # A rush, a lull, a rush.
        rush = 1.0 + 0.5 * math.sin(2 * math.pi * evening.age() / _WAVE)
        pause = evening.random.expovariate(rush / _PAUSE) if evening.age() > _OPENING else 1.0
        evening.later(max(_MIN_PAUSE, pause), self._arrive)

    def _order(self, name: str) -> None:
        order = self._choose(name)
        if order is None:
            return
        placed = self._door.place(order, uuid.UUID(int=self._evening.random.getrandbits(128)).hex)
        if placed is None:
            return
        self.placed += 1
        number = placed["order_number"]
        secret = parse_qs(urlsplit(placed["tracking_url"]).query)["key"][0]
        chance = self._evening.random.random()
        if chance < 0.06 or self.placed % _CANCELS == 0:
            self._evening.later(self._evening.random.uniform(1, 5), lambda: self._cancel(number, secret, name))
        elif chance < 0.2:
            self._evening.later(30, lambda: self._come_back(number, name))

    def _cancel(self, number: str, secret: str, name: str) -> None:
        if self._door.cancel(number, secret):
            self.cancelled += 1
            self._evening.tell(f"{name} cancels {_short(number)}, and thinks again")
            self._evening.later(self._evening.random.uniform(8, 20), lambda: self._order(name))

    def _come_back(self, number: str, name: str) -> None:
        """Orders again when the first is eaten, and looks a few more times until then."""
        status = (self._door.status(number) or {}).get("current_status")
        if status == "completed":
            self.returned += 1
            self._order(name)
        elif status in ("received", "cooking", "ready", "out_for_delivery") and not self._evening.is_over():
            self._evening.later(15, lambda: self._come_back(number, name))

    def _choose(self, name: str) -> dict[str, Any] | None:
        """What they want, of what there is; None where there is nothing. Some are a party, whose order is more
        urgent by its total."""
        random = self._evening.random
        order_type = random.choices(("dine_in", "takeout", "delivery"), (5, 3, 2))[0]
        menu = [dish for dish in self._door.menu() if order_type == "dine_in" or dish["build"] is None]
        if not menu:
            return None
        wanted = random.sample(menu, min(len(menu), random.choices((1, 2, 3, 4), (4, 5, 3, 1))[0]))
        most = random.choices((1, 2, 6), (6, 3, 1))[0]
        order: dict[str, Any] = {
            "customer_name": name,
            "order_type": order_type,
            "items": [self._item(dish, random.randint(1, most)) for dish in wanted],
        }
        if order_type == "dine_in":
            order["table_number"] = random.randint(1, 24)
        if order_type == "delivery":
            order["delivery_address"] = f"{random.randint(1, 99)} {random.choice(_STREETS)}"
        if random.random() < 0.2:
            order["allergies"] = random.sample(_ALLERGIES, random.randint(1, 2))
        return order

    def _item(self, dish: dict[str, Any], quantity: int) -> dict[str, Any]:
        item = {"name": dish["name"], "quantity": quantity, "price": dish["price"]}
        notes = _NOTES.get(dish["category"])
        if notes and self._evening.random.random() < 0.3:
            item["note"] = self._evening.random.choice(notes)
        return item


def _short(number: str) -> str:
    return number.rpartition("_")[2]
