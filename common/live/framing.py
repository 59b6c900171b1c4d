"""Server-sent events, as they go over the wire (HTML Living Standard, 9.2)."""

import re
from datetime import UTC, datetime

from common import codec

RETRY_MILLISECONDS = 1000  # that a browser which was cut off waits until it comes back by itself

_LINES = re.compile(r"\r\n|\n|\r")


def event(name: str, data: object, event_id: str | None = None) -> bytes:
    """An event with `data` as JSON. Its id is what the client comes back with; one without leaves the client at
    the id of before."""
    return _block(("event", name), ("data", codec.dumps(data).decode()), ("id", event_id))


def hello(version: str) -> bytes:
    """What each stream begins with: the server's clock, and the version of the pages that it would give now."""
    return _block(("retry", str(RETRY_MILLISECONDS))) + event("hello", {"now": _now(), "version": version})


def ping() -> bytes:
    """Says that the connection is there, and what time it is."""
    return event("ping", {"now": _now()})


def _now() -> datetime:
    return datetime.now(UTC)


def _block(*fields: tuple[str, str | None]) -> bytes:
    """Fields, those that are None left out, each of several lines as several fields."""
    lines = []
    for name, value in fields:
        if value is None:
            continue
        if name != "data" and re.search(r"[\r\n\0]", value):
            raise ValueError(f"a line break in {name}")
        lines += [f"{name}: {line}\n" for line in _LINES.split(value)]
    return ("".join(lines) + "\n").encode()
