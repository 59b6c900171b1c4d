"""What a service with pages can be set to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from common.orders.lifecycle import ORDER_TYPES
from common.orders.tracking_links import TrackingLinks
from common.settings import ConfigReader, Settings, SettingsError

MIN_SECRET_KEY = 32  # characters
MAX_CURRENCY = 5  # characters: beside each price on a narrow screen
_MAX_AGE = 1e6  # seconds
_DEFAULT_PORTS = {"http": 80, "https": 443}
# A name with at most one port and nothing behind it. What a browser says of where it is has small letters, and no
# port where it is the scheme's own.
_HOST = re.compile(r"([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
# The names of the time zone database, and nothing that is more than a name for whoever gets it.
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")


@dataclass(frozen=True)
class AgeLimits:
    """Seconds since an order was received after which it is slow (`warn`), and `late`."""

    warn: float
    late: float


@dataclass(frozen=True)
class PageSettings(Settings):
    """What config.yml says of pages, and of where and when the house is. A service that has this does not start
    without a key (`common.pages.extensions`)."""

    # The services' pages, as browsers reach them: scheme, host, and a port that is not the usual.
    public_url: str  # order_service's
    kitchen_url: str
    tracking_url: str
    notifier_url: str
    sends_mail: bool  # letters can be sent: SMTP_HOST is set
    secret_key: str = field(repr=False)
    secret_key_before: str = field(repr=False)
    tracking_link_lifetime: timedelta
    time_zone: ZoneInfo
    currency: str
    age_limits: Mapping[str, AgeLimits]  # by order type
    max_streams: int
    max_streams_per_address: int

    @classmethod
    def read(cls, config: ConfigReader, service_name: str) -> dict[str, Any]:
        return {
            **super().read(config, service_name),
            "public_url": _url(config, "PUBLIC_URL"),
            "kitchen_url": _url(config, "KITCHEN_URL"),
            "tracking_url": _url(config, "TRACKING_URL"),
            "notifier_url": _url(config, "NOTIFIER_URL"),
            "sends_mail": bool(config.text("SMTP_HOST")),
            "secret_key": config.text("SECRET_KEY"),
            "secret_key_before": config.text("SECRET_KEY_BEFORE"),
            "tracking_link_lifetime": timedelta(days=config.whole("TRACKING_LINK_DAYS", 1, 3650)),
            "time_zone": _time_zone(config),
            "currency": _currency(config),
            "age_limits": {order_type: _age_limits(config, order_type) for order_type in ORDER_TYPES},
            "max_streams": config.whole("MAX_STREAMS", 1, 10_000),
            "max_streams_per_address": config.whole("MAX_STREAMS_PER_ADDRESS", 1, 10_000),
        }

    @property
    def own_origins(self) -> frozenset[str]:
        return frozenset((self.public_url, self.kitchen_url, self.tracking_url, self.notifier_url))

    def tracking_links(self) -> TrackingLinks:
        """Of guests and customers. Raises SettingsError as `signing_keys()` does."""
        return TrackingLinks(self.signing_keys(), self.tracking_link_lifetime, self.tracking_url)

    def own_url(self, name: str) -> str:
        """Where the service of that name (kitchen, for kitchen_service) is reached, for this service itself."""
        urls = {"kitchen": self.kitchen_url, "tracking": self.tracking_url, "notifier": self.notifier_url}
        return urls.get(name, self.public_url)

    def signing_keys(self) -> tuple[bytes, ...]:
        """The key that tracking links, sign-in tokens and links in letters are signed with; behind it, while keys
        change, the other one, whose signatures are good, too.

        Raises SettingsError when the key is missing, or one is shorter than 32 characters.
        """
        if len(self.secret_key) < MIN_SECRET_KEY:
            raise SettingsError(
                f"SECRET_KEY needs at least {MIN_SECRET_KEY} characters: set it to what `openssl rand -hex 32` "
                "prints, for all services the same"
            )
        if not self.secret_key_before:
            return (self.secret_key.encode(),)
        if len(self.secret_key_before) < MIN_SECRET_KEY:
            raise SettingsError(
                f"SECRET_KEY_BEFORE needs at least {MIN_SECRET_KEY} characters: the other key, or nothing"
            )
        return (self.secret_key.encode(), self.secret_key_before.encode())


def _url(config: ConfigReader, name: str) -> str:
    given = config.text(name).rstrip("/").lower()
    scheme, _, host = given.partition("://")
    if scheme in _DEFAULT_PORTS and _HOST.fullmatch(host):
        try:
            port = urlsplit(given).port
        except ValueError:  # larger than a port can be
            port = 0
        if port == _DEFAULT_PORTS[scheme]:
            return given.rpartition(":")[0]
        if port != 0:
            return given
    raise SettingsError(
        f"{name} is http:// or https:// with a host and nothing behind it, like https://eat.example"
    )


def _time_zone(config: ConfigReader) -> ZoneInfo:
    given = config.text("TIME_ZONE")
    try:
        if _ZONE.fullmatch(given):
            return ZoneInfo(given)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError, a folder's name an OSError
        pass
    raise SettingsError("TIME_ZONE is a name of the time zone database, like UTC, Europe/Rome or America/New_York")


def _currency(config: ConfigReader) -> str:
    given = config.text("CURRENCY").strip()
    if len(given) > MAX_CURRENCY or not given.isprintable():
        raise SettingsError(f"CURRENCY is at most {MAX_CURRENCY} characters, like EUR or $, or nothing")
    return given


def _age_limits(config: ConfigReader, order_type: str) -> AgeLimits:
    name = f"AGE_LIMITS.{order_type}"
    given = config["AGE_LIMITS"][order_type]
    warn, late = (
        ConfigReader({f"{name}.{limit}": given[limit]}).number(f"{name}.{limit}", 1, _MAX_AGE)
        for limit in ("warn", "late")
    )
    if late <= warn:
        raise SettingsError(f"{name}.late must be more than {name}.warn, which is {warn:g} seconds")
    return AgeLimits(warn, late)
