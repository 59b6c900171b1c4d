"""What a page's method returns."""

from dataclasses import dataclass, field
from typing import Any

from common.accounts.access import Person

KEEP = object()  # the session stays as it is


@dataclass(frozen=True)
class Page:
    """A template, and the values that it shows. `person` is who looks at it, as far as that is known."""

    template: str
    person: Person | None = None
    values: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    # Without the address, which may hold an order's secret, and with the origin, by which our forms are known.
    referrer_policy: str = "strict-origin"


@dataclass(frozen=True)
class Redirect:
    """Go on at `location`. With a `session`, a sign-in's token, the browser is signed in from then on; with None
    it is signed out."""

    location: str
    session: object = field(default=KEEP, repr=False)
