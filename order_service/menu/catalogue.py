"""The menu as orders need to know it."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from order_service.name_keys import name_key

_TAG_BYTES = 5  # 40 bits: among a thousand dishes two are alike once in two million menus


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

    @cached_property
    def by_tag(self) -> dict[str, Dish]:
        """All dishes, by what they are called in a page's form."""
        return {tag(dish.name): dish for dish in self._dishes.values()}


def tag(name: str) -> str:
    """What a dish is called in a page's form: eight letters and digits, made of its name. A form has some fields
    for each dish, and names would make the form of a large menu larger than a request may be."""
    digest = hashlib.sha256(name_key(name).encode("utf-8", "replace")).digest()
    return base64.b32encode(digest[:_TAG_BYTES]).decode().lower()
