"""The menu as a page shows it: by category, in the order in which people read a menu."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from order_service.menu.catalogue import Dish, tag

#: What the house's usual categories are called above their dishes, and their icons; they come first, in this
#: order.
_KNOWN = {
    "pizza": ("Pizzas", "pizza"),
    "pasta": ("Pasta", "pasta"),
    "cocktail": ("Cocktails", "cocktail"),
    "salad": ("Salads", "salad"),
    "dessert": ("Desserts", "dessert"),
    "drink": ("Drinks", "drink"),
}


MAX_SEARCH = 100  # characters that are looked for


@dataclass(frozen=True)
class ShownDish:
    """A dish as a page shows it; `tag` is what forms call it."""

    tag: str
    name: str
    price: Decimal
    available: bool
    build: str | None
    ingredients: str
    allergens: tuple[str, ...]
    prep_seconds: int | None

    def as_ordered(self) -> Dish:
        """As orders need to know it."""
        return Dish(self.name, self.price, self.prep_seconds, self.available)


@dataclass(frozen=True)
class Section:
    """A category; `number` counts them on the page."""

    number: int
    word: str
    icon: str
    dishes: tuple[ShownDish, ...]


def of(items: Iterable[Mapping[str, Any]]) -> list[Section]:
    """The menu (as Menu.read() gives its items) by category: those that the house knows, then the others by name.
    Categories that differ in capitals only are one."""
    by_category: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        by_category.setdefault(item["category"].casefold(), []).append(item)
    known = list(_KNOWN)
    order = sorted(by_category, key=lambda each: (known.index(each) if each in _KNOWN else len(known), each))
    return [
        Section(number, *word_and_icon(by_category[each][0]["category"]), tuple(map(_shown, by_category[each])))
        for number, each in enumerate(order, 1)
    ]


def matching(shown: Iterable[Section], search: str) -> set[str]:
    """The tags of the dishes that have all words of `search` in their name or among their ingredients, as the
    page's script finds them (search.js)."""
    words = set(_plain(search[:MAX_SEARCH]).split())
    texts = {dish.tag: _plain(f"{dish.name} {dish.ingredients}") for section in shown for dish in section.dishes}
    return {each for each, text in texts.items() if all(word in text for word in words)}


def word_and_icon(category: str) -> tuple[str, str]:
    """What a category is called above its dishes, and its icon's name."""
    return _KNOWN.get(category.casefold(), (capital(category), "dish"))


def capital(text: str) -> str:
    """With a capital in front, and the rest as it is: San Marzano stays."""
    return text[:1].upper() + text[1:]


def _plain(text: str) -> str:
    """In small letters without accents."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if unicodedata.category(char)[0] != "M").lower()


def _shown(item: Mapping[str, Any]) -> ShownDish:
    return ShownDish(
        tag=tag(item["name"]),
        name=item["name"],
        price=item["price"],
        available=item["available"],
        build=item["build"],
        ingredients=capital(", ".join(each["name"] for each in item["ingredients"])),
        allergens=tuple(item["allergens"]),
        prep_seconds=item["prep_seconds"],
    )
