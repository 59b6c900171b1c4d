"""What somebody has chosen on the order page, as its form says it.

A dish has three fields, which end in its tag (order_service/menu/catalogue.py): q… is how many, n… the note for
the kitchen, p… the price that was on the page. What was chosen stays in the cart, also when the menu has changed
since: then it is said, and nothing is ordered until the customer has decided.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from order_service.menu.catalogue import Catalogue, Dish
from order_service.orders.order_form import MAX_NOTE, Item

MAX_QUANTITY = 10  # of a line
MAX_GONE = 50  # lines of dishes that are on the menu no more
_TAG = re.compile(r"[a-z2-7]{8}")
_PRICE = re.compile(r"[0-9]{1,3}\.[0-9]{2}")
#: A name that no dish can have. What is ordered under it and without a price is refused, together with all else
#: that is wrong with the order.
_NO_DISH = "/"


@dataclass
class Line:
    """A dish that was chosen. `quantity` is a number, or what was typed instead of one; `seen` is the price that
    the customer saw. `dish` is None where it is not on the menu any more."""

    tag: str
    dish: Dish | None
    quantity: int | str
    seen: Decimal
    note: str = ""
    wrong: list[str] = field(default_factory=list)  # what the server says of it, besides what its state says

    @property
    def state(self) -> str:
        """gone, sold-out or changed (its price), each of which is in the way; or nothing."""
        if self.dish is None:
            return "gone"
        if not self.dish.available:
            return "sold-out"
        return "changed" if self.seen != self.dish.price else ""

    @property
    def counts(self) -> bool:
        """False for what cannot be had, and for a quantity that cannot be ordered."""
        is_there = self.state not in ("gone", "sold-out")
        return is_there and isinstance(self.quantity, int) and 1 <= self.quantity <= MAX_QUANTITY

    @property
    def pieces(self) -> int:
        return self.quantity if self.counts and isinstance(self.quantity, int) else 0

    @property
    def amount(self) -> Decimal:
        """What it costs now; what is gone is shown at the price that it had."""
        quantity = self.quantity if isinstance(self.quantity, int) else 1
        return quantity * (self.seen if self.dish is None else self.dish.price)

    @property
    def seen_amount(self) -> Decimal:
        """What it cost by the price that the customer saw."""
        return (self.quantity if isinstance(self.quantity, int) else 1) * self.seen

    def as_item(self) -> dict[str, object]:
        """As an order's body has it."""
        if self.dish is None:
            return {"name": _NO_DISH, "quantity": self.quantity}
        item: dict[str, object] = {"name": self.dish.name, "quantity": self.quantity, "price": self.seen}
        return {**item, "note": self.note} if self.note.strip() else item


@dataclass
class Cart:
    """The lines, in the menu's order."""

    lines: list[Line]

    @property
    def pieces(self) -> int:
        return sum(line.pieces for line in self.lines)

    @property
    def total(self) -> Decimal:
        """Of what can be had, at the prices of now."""
        return sum((line.amount for line in self.lines if line.counts), Decimal("0.00"))

    @property
    def leaves_out(self) -> bool:
        """True when something in it cannot be had."""
        return any(line.state in ("gone", "sold-out") for line in self.lines)

    def find(self, tag: str) -> Line | None:
        return next((line for line in self.lines if line.tag == tag), None)

    def remove(self, tag: str) -> None:
        """Take a line out."""
        self.lines = [line for line in self.lines if line.tag != tag]

    def accept(self, tag: str) -> None:
        """The customer takes it at its price of now."""
        line = self.find(tag)
        if line is not None and line.dish is not None:
            line.seen = line.dish.price

    def items(self) -> list[Item]:
        """What an estimate needs to know of it."""
        return [
            Item(line.dish.name, line.pieces, line.dish.price, line.dish.prep_seconds)
            for line in self.lines
            if line.dish is not None and line.counts
        ]


def sent(form: Mapping[str, str], dishes: Mapping[str, Dish]) -> Cart:
    """The cart that a form holds; `dishes` is the menu, by tag."""
    chosen = (name[1:] for name, value in form.items() if name[:1] == "q" and value.strip() not in ("", "0"))
    place = {tag: position for position, tag in enumerate(dishes)}
    tags = sorted((tag for tag in chosen if _TAG.fullmatch(tag)), key=lambda tag: place.get(tag, len(place)))
    # Of dishes that are gone no page has had more.
    return Cart([_line(tag, form, dishes.get(tag)) for tag in tags[: len(dishes) + MAX_GONE]])


def again(items: Iterable[Mapping[str, Any]], menu: Catalogue) -> tuple[Cart, list[str], list[str]]:
    """What can be had again of an order's items, at the prices of now; the names of what is sold out; and of what
    is not on the menu any more. A dish that comes twice is one line, with both notes if there is room."""
    by_name = {dish.name: tag for tag, dish in menu.by_tag.items()}
    lines: dict[str, Line] = {}
    sold_out, gone = [], []
    for item in items:
        dish = menu.find(item["name"])
        if dish is None:
            gone.append(item["name"])
        elif not dish.available:
            sold_out.append(dish.name)
        else:
            line = lines.setdefault(dish.name, Line(by_name[dish.name], dish, 0, dish.price))
            line.quantity = min(MAX_QUANTITY, line.pieces + item["quantity"])
            notes = "; ".join(filter(None, (line.note, item.get("note"))))
            line.note = notes if len(notes) <= MAX_NOTE else line.note
    return Cart(list(lines.values())), sold_out, gone


def _line(tag: str, form: Mapping[str, str], dish: Dish | None) -> Line:
    seen = form.get(f"p{tag}", "")
    price = dish.price if dish is not None else Decimal("0.00")
    return Line(
        tag,
        dish,
        number(form[f"q{tag}"]),
        Decimal(seen) if _PRICE.fullmatch(seen) else price,
        " ".join(form.get(f"n{tag}", "").split()),
    )


def number(typed: str) -> int | str:
    """A whole number that was typed, or what was typed instead."""
    text = typed.strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text
