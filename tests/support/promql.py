"""What a PromQL expression asks for, as far as a test has to know: metrics, labels, and what it groups by."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[A-Za-z_:][\w:]*|\d[\w.]*|=~|!~|!=|==|>=|<=|\S')
_NAME = re.compile(r"[A-Za-z_:][\w:]*")
_GROUPING = ("by", "without", "on", "ignoring", "group_left", "group_right")
_MADE = re.compile(r'"(\w+)",\s*"[^"]*",\s*"[^"]*",\s*"[^"]*"\s*\)')  # label_replace's end
_WORDS = ("and", "or", "unless", "bool", "offset")


@dataclass(frozen=True)
class Selector:
    """A metric with the matchers that choose its series: (label, operator, value)."""

    name: str
    matchers: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Expression:
    """What stands in one. `made` are labels that it makes itself."""

    selectors: list[Selector] = field(default_factory=list)
    grouping: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)


def read(text: str) -> Expression:
    """Takes an expression apart; that it is one, promtool and Prometheus say."""
    found = Expression()
    tokens = iter([*_TOKEN.findall(text), "", ""])
    token = next(tokens)
    while token:
        following = next(tokens)
        if token in _GROUPING and following == "(":
            found.grouping.update(each for each in _until(tokens, ")") if each != ",")
            following = next(tokens)
        elif token == "label_replace":
            found.made.update(_MADE.findall(text))
        elif _NAME.fullmatch(token) and token not in _WORDS and following not in ("(", "by", "without"):
            matchers = ()
            if following == "{":
                matchers = tuple(_matchers(list(_until(tokens, "}"))))
                following = next(tokens)
            found.selectors.append(Selector(token, matchers))
        token = following
    return found


def _until(tokens: Iterator[str], end: str) -> Iterator[str]:
    while (token := next(tokens)) != end:
        yield token


def _matchers(tokens: list[str]) -> Iterator[tuple[str, str, str]]:
    for position in range(0, len(tokens), 4):
        label, operator, value = tokens[position : position + 3]
        yield label, operator, value.strip('"')
