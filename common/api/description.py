"""What a service writes down of a route, where its code does not say it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import Schema

from common.errors import Forbidden, Refusal, Unauthorized

Refusals = tuple[type[Refusal], ...]


@dataclass(frozen=True, eq=False)
class Shape:
    """JSON that has a name: an answer, a form, or a part of them.

    `schema` is JSON Schema, in which other shapes may stand where a schema may, or the marshmallow schema that
    checks it. Each of `examples` keeps it; the first is what is shown.
    """

    name: str
    schema: Mapping[str, Any] | Schema
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query, or a header. Of one with `is_list` several values are separated by commas."""

    name: str
    schema: Mapping[str, Any]
    description: str
    example: object = None
    is_list: bool = False


@dataclass(frozen=True)
class Who:
    """Who may use a route. `security` are the names of the ways in which they may show who they are, in each of
    which one is enough; None is nothing."""

    words: str
    security: tuple[str | None, ...]
    refusals: Refusals = ()


BEARER, ORDER_KEY = "token", "order_key"

EVERYBODY = Who("everybody", (None,))
ANYBODY = Who("everybody, signed in or not", (None, BEARER), (Unauthorized,))
HOLDERS = Who("its customer, whoever has its key, and staff", (ORDER_KEY, BEARER), (Unauthorized,))
#: Where a token that is worth nothing is as good as none.
WHOEVER_HAS_THE_KEY = Who(
    "everybody; who has the order's key, its customer and staff see more", (None, ORDER_KEY, BEARER)
)
SIGNED_IN = Who("whoever is signed in", (BEARER,), (Unauthorized,))
STAFF = Who("staff", (BEARER,), (Unauthorized, Forbidden))
ADMINS = Who("admins", (BEARER,), (Unauthorized, Forbidden))


@dataclass(frozen=True)
class Event:
    """What a stream sends: its data as JSON."""

    name: str
    description: str
    data: Shape


@dataclass(frozen=True)
class Route:
    """An `@http` method. `problems` are what it refuses besides what every route does (problems.py) and what comes
    with `who` and `body`. `headers` and `query` are what may be sent along, `events` what a stream sends. A route
    that may also leave to later what it was asked for answers 202 then, and its `promise`.

    An `is_inside` route is for the house's own network: a deployment's proxy does not pass it on.
    """

    answer: Shape | str  # or what a text or a stream is, in a sentence
    who: Who = EVERYBODY
    body: Shape | None = None
    is_body_optional: bool = False
    promise: Shape | None = None
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    problems: Refusals = ()
    description: str = ""
    events: tuple[Event, ...] = ()
    is_inside: bool = False
    section: str = ""  # set by section()


def section(name: str, routes: Mapping[str, Route]) -> dict[str, Route]:
    """These routes under that heading."""
    return {method: replace(route, section=name) for method, route in routes.items()}
