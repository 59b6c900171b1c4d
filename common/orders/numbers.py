"""ORD_YYYYMMDD_NNN: the UTC day, and the order's place in it, with at least three digits."""

import re

_SHAPE = re.compile(r"ORD_[0-9]{8}_[0-9]{3,9}")


def is_order_number(candidate: object) -> bool:
    """True for what could be an order's number; anything else need not be looked up."""
    return isinstance(candidate, str) and _SHAPE.fullmatch(candidate) is not None
