"""Lists by the page: `?limit=&cursor=` → {"items": […], "next": …}.

A cursor holds the place where a page ended, not its number: what is added meanwhile neither moves a row to another
page nor hides one.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from common.errors import Invalid

_DEFAULT_LIMIT, _MAX_LIMIT = 50, 100


@dataclass(frozen=True)
class PageRequest:
    """What of a query is about pages; `filters` is the rest."""

    limit: int
    cursor: dict[str, Any] | None
    filters: dict[str, str]

    def cursor_of(self, shape: Mapping[str, type]) -> dict[str, Any] | None:
        """The cursor, if it has these members of these types. Raises Invalid for another list's."""
        if self.cursor is not None and {name: type(value) for name, value in self.cursor.items()} != shape:
            raise refuse("cursor", "Must be the next of a page of this list.")
        return self.cursor

    def page(self, found: list[Any], place: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """`found` has one more than `limit` where there is a next page; `place` gives an item's cursor."""
        items = found[: self.limit]
        is_last = len(found) <= self.limit
        return {"items": items, "next": None if is_last else _written(place(items[-1]))}


def read(query: object) -> PageRequest:
    """Raises Invalid for a limit or cursor that is none."""
    if query is None:
        query = {}
    if not isinstance(query, Mapping) or not all(isinstance(name, str) for name in query):
        raise refuse("query", "Must be an object of names and texts.")
    filters = {name: str(value) for name, value in query.items() if value is not None}  # RPC may send numbers
    limit = filters.pop("limit", str(_DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 4 and 1 <= int(limit) <= _MAX_LIMIT):
        raise refuse("limit", f"Must be 1 to {_MAX_LIMIT}.")
    return PageRequest(int(limit), _place(filters.pop("cursor", None)), filters)


def refuse(field: str, message: str) -> Invalid:
    """The refusal of one parameter."""
    return Invalid.fields([{"field": field, "message": message}])


def _written(place: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _place(cursor: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as exc:
        raise refuse("cursor", "Must be the next of a page of this list.") from exc
    is_place = isinstance(place, dict) and not any(
        isinstance(value, int) and abs(value) >= 2**63 for value in place.values()
    )
    if not is_place:
        raise refuse("cursor", "Must be the next of a page of this list.")
    return dict(place)
