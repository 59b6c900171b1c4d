"""JSON as Expedite speaks it, in HTTP, messages and RPC alike.

Out: Decimal as a number with two decimals, times as ISO 8601 in UTC ending in Z with milliseconds.
In: fractions as Decimal, so that no price ever passes through a float.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    """JSON bytes (UTF-8) of `value`. Raises TypeError for what has no JSON form here."""
    return orjson.dumps(value, default=_encode, option=orjson.OPT_PASSTHROUGH_DATETIME)


def loads(data: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError when it is not one, NaN and Infinity included."""
    text = data if isinstance(data, str) else data.decode("utf-8")
    try:
        value = json.loads(text, parse_float=_decimal, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(value, default=str, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    return value


def plain(value: Any) -> Any:
    """`value` as whoever gets it as JSON will have it: numbers, texts, lists and dicts."""
    return orjson.loads(dumps(value))


def iso(moment: datetime) -> str:
    """`moment`, which must be aware, as ISO 8601 in UTC with milliseconds: 2026-11-22T18:30:00.250Z."""
    if moment.tzinfo is None:
        raise TypeError("a time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(amount: Decimal) -> str:
    """`amount` with two decimals, as JSON and logs show it."""
    return f"{amount:.2f}"


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(money(value))
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as exc:
        raise ValueError("an exponent beyond all bounds") from exc


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
