"""The menu as orders need to know it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from order_service.name_keys import name_key


@dataclass(frozen=True)
class Dish:
    """Something on the menu. `prep_seconds` is its own or its build's time at speed 1; None leaves it to the
    order's type."""

    name: str
    price: Decimal
    prep_seconds: int | None
    available: bool


class Catalogue:
    """Finds dishes by name, however it is written."""

    def __init__(self, dishes: Iterable[Dish]) -> None:
        self._dishes = {name_key(dish.name): dish for dish in dishes}

    def find(self, name: str) -> Dish | None:
        """The dish that has that name."""
        return self._dishes.get(name_key(name))
