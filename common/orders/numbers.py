"""ORD_YYYYMMDD_NNN: the day in the house's time zone, and the order's place in it, with at least three digits."""

import re
from collections.abc import Collection
from datetime import date

_SHAPE = re.compile(r"ORD_[0-9]{8}_[0-9]{3,9}")


def is_order_number(candidate: object) -> bool:
    """True for what could be an order's number; anything else need not be looked up."""
    return isinstance(candidate, str) and _SHAPE.fullmatch(candidate) is not None


def day_of(order_number: str) -> date:
    """The day of an order's number."""
    return date.fromisoformat(order_number[4:12])


def called(order_number: str) -> str:
    """What people call an order: the last part of its number, 148 of ORD_20261122_148."""
    return order_number[13:]


def in_turn(order_number: str) -> tuple[date, int]:
    """Puts numbers into the order in which they were given out, 999 before 1000."""
    return day_of(order_number), int(called(order_number))


def ambiguous(order_numbers: Collection[str]) -> set[str]:
    """Those that are called as one of a later day is: people are told their day as well."""
    latest: dict[str, str] = {}
    for number in order_numbers:
        latest[called(number)] = max(number, latest.get(called(number), ""))
    return {number for number in order_numbers if latest[called(number)] != number}
