"""A dish as the fields of a page's form: what was typed becomes what `dish_form` reads, and what it says is wrong
goes back to the field that it is about."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from common.errors import Refusal
from common.orders.builds import BUILDS
from common.pages.entrypoint import Form

MAX_LINES = 30  # of ingredients
_SPARE_LINES = 2  # that are empty, for what is added
_MORE_LINES = 5  # for who asks for more of them

_PRICE = re.compile(r"-?[0-9]{1,9}([.,][0-9]{1,9})?")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_PART = re.compile(r"(ingredients|allergens)\[(\d+)\](?:\.(\w+))?")

#: What is said to somebody who fills in the form, where the rule's own words are meant for programs.
_IN_WORDS = {
    ("price", "Must be a number."): "Write it as 12.50.",
    ("prep_seconds", "Must be a whole number."): "Write whole seconds, or nothing.",
}
#: What a field is called in a sentence.
_CALLED = {"prep_seconds": "preparation"}


@dataclass(frozen=True)
class Fields:
    """What stands in the form, as text. `ingredients` are pairs of amount and name."""

    name: str = ""
    category: str = ""
    price: str = ""
    build: str = ""
    prep_seconds: str = ""
    ingredients: Sequence[tuple[str, str]] = ()
    allergens: Sequence[str] = ()
    more: int = _SPARE_LINES

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The ingredients, and empty lines for more."""
        return [*self.ingredients, *[("", "")] * self.more][:MAX_LINES]

    def body(self) -> dict[str, Any]:
        """What `dish_form` reads. What is no number stays the text that it is, and is refused there."""
        price = self.price.strip()
        seconds = self.prep_seconds.strip()
        return {
            "name": self.name,
            "category": self.category,
            "price": Decimal(price.replace(",", ".")) if _PRICE.fullmatch(price) else price,
            "build": self.build or None,
            "prep_seconds": int(seconds) if _WHOLE.fullmatch(seconds) else seconds or None,
            "ingredients": [{"name": name, "amount": amount} for amount, name in self.ingredients],
            "allergens": list(self.allergens),
        }


def of_dish(dish: Mapping[str, Any]) -> Fields:
    """A dish's, as staff have written it (Menu.written())."""
    return Fields(
        name=dish["name"],
        category=dish["category"],
        price=str(dish["price"]),
        build=dish["build"] or "",
        prep_seconds="" if dish["prep_seconds"] is None else str(dish["prep_seconds"]),
        ingredients=[(each["amount"], each["name"]) for each in dish["ingredients"]],
        allergens=dish["allergens"],
    )


def of_form(form: Form) -> Fields:
    """What was sent. Lines of ingredients on which nothing stands are left out."""
    lines = zip(form.many("amount"), form.many("ingredient"), strict=False)
    build = form.get("build", "")
    return Fields(
        name=form.get("name", ""),
        category=form.get("category", ""),
        price=form.get("price", ""),
        build=build if build in BUILDS else "",
        prep_seconds=form.get("prep_seconds", ""),
        ingredients=[(amount, name) for amount, name in lines if amount.strip() or name.strip()],
        allergens=form.many("allergens"),
        more=_MORE_LINES if wants_more_lines(form) else _SPARE_LINES,
    )


def wants_more_lines(form: Form) -> bool:
    """True when nothing is to be saved yet, but room is wanted for more ingredients."""
    return "more" in form


def wrong(refusal: Refusal) -> dict[str, str]:
    """What is wrong, by the id of the field that it is about."""
    errors = refusal.extra.get("errors") or [
        {"field": refusal.extra.get("field", "name"), "message": refusal.detail}
    ]
    found: dict[str, str] = {}
    for error in errors:
        name, message = error["field"], error["message"]
        part = _PART.fullmatch(name)
        if part is not None:
            name = f"ingredient-{part[2]}-{part[3] or 'name'}" if part[1] == "ingredients" else "allergens"
        found.setdefault(name, _IN_WORDS.get((name, message), message))
    return found


def called(field: str) -> str:
    """What the field of that id is called in a sentence."""
    return "an ingredient" if field.startswith("ingredient-") else _CALLED.get(field, field)
