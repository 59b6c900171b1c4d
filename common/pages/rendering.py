"""Templates, and how what they show is written: times in the house's zone, money as the server counts it, numbers
as people call them."""

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from common import codec
from common.pages import words

SHARED = Path(__file__).parent
_CODE = re.compile(r"`([^`]+)`")


class Formats:
    """How values are written, in the house's time zone and currency."""

    def __init__(self, zone: ZoneInfo, currency: str) -> None:
        self._zone = zone
        self._currency = currency

    def local(self, moment: datetime) -> datetime:
        """The moment (UTC) as the house's clocks show it."""
        return moment.astimezone(self._zone)

    def clock(self, moment: datetime) -> str:
        """Hours and minutes: 20:43."""
        return f"{self.local(moment):%H:%M}"

    def time(self, moment: datetime) -> Markup:
        """A <time> element: hours and minutes for people, the whole moment for scripts."""
        return Markup('<time datetime="{}">{}</time>').format(codec.iso(moment), self.clock(moment))

    def money(self, amount: Decimal) -> str:
        """With two decimals, and the currency if there is one."""
        written = f"{amount:,.2f}"
        return f"{written} {self._currency}" if self._currency else written


def short(order_number: str) -> str:
    """What people call an order: the last part of its number, 148 of ORD_20261122_148."""
    return order_number.rpartition("_")[2]


def age(seconds: float) -> str:
    """How long ago, as a clock counts: 5:31, from an hour 1 h 04."""
    whole = max(0, int(seconds))
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02}"
    return f"{whole // 60}:{whole % 60:02}"


def code(text: str) -> Markup:
    """The text as HTML, with what stands between `backticks` as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def breakable(path: str) -> Markup:
    """A path that may be broken at its slashes."""
    return escape(path).replace("/", Markup("/<wbr>"))


def environment(folders: Iterable[Path], formats: Formats, link: Callable[[str], str]) -> Environment:
    """Jinja's, with everything escaped that is not marked as HTML by a template of ours. A name that was mistyped
    is an error, not a gap. `link` makes a file's address of its name."""
    made = Environment(
        loader=FileSystemLoader([folder / "templates" for folder in folders]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        breakable=breakable,
        code=code,
        clock=formats.clock,
        time=formats.time,
        money=formats.money,
        short=short,
        age=age,
        iso=codec.iso,
    )
    made.globals.update(words=words, file=link, now=lambda: datetime.now(UTC), local=formats.local)
    return made


def version_of(folders: Iterable[Path]) -> str:
    """Changes whenever a template or a file does: a screen that was opened before loads itself anew."""
    digest = hashlib.sha256()
    for folder in folders:
        for part in ("templates", "static"):
            for path in sorted((folder / part).glob("*")):
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def context_of(settings: Any) -> dict[str, Any]:
    """What every template knows."""
    return {
        "order_url": settings.public_url,
        "kitchen_url": settings.kitchen_url,
        "tracking_url": settings.tracking_url,
        "notifier_url": settings.notifier_url,
        "sends_mail": settings.sends_mail,
        "time_zone": settings.time_zone.key,
        "currency": settings.currency,
    }
