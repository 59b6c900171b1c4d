"""What a page says in words of its own around what somebody typed and around times. A template escapes and marks
each part by what it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from string import Formatter


@dataclass(frozen=True)
class Age:
    """For how long something has been so, since a moment (UTC), in minutes as of now."""

    since: datetime
    minutes: int

    def __str__(self) -> str:
        if self.minutes >= 60:
            return f"{self.minutes // 60} h {self.minutes % 60:02}"
        return f"{self.minutes} min" if self.minutes else "just now"


class Sentence:
    """`Sentence("Cancelled by {who} at {when}", who="anna", when=…)`. A text among the values is what somebody
    typed."""

    def __init__(self, pattern: str, **values: str | int | datetime | Age) -> None:
        self.pattern = pattern
        self.values = values

    @property
    def parts(self) -> list[tuple[str, object]]:
        """Its parts in order, each with what it is: "words" of ours, "typed" by somebody, a "time", or an
        "age"."""
        found: list[tuple[str, object]] = []
        for words, name, _, _ in Formatter().parse(self.pattern):
            if words:
                found.append(("words", words))
            if name is not None:
                found.append(_part(self.values[name]))
        return found

    def plain(self, clock: Callable[[datetime], str]) -> str:
        """All of it as text; `clock` writes a time."""
        return "".join(clock(value) if isinstance(value, datetime) else str(value) for _, value in self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sentence) and (self.pattern, self.values) == (other.pattern, other.values)

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"Sentence({self.pattern!r}, {self.values})"


def _part(value: object) -> tuple[str, object]:
    if isinstance(value, datetime):
        return "time", value
    if isinstance(value, Age):
        return "age", value
    return ("typed" if isinstance(value, str) else "words"), value
