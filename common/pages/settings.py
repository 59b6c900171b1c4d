"""What a service with pages can be set to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from common.orders.lifecycle import ORDER_TYPES
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
    without a key (`common.pages.screens`)."""

    public_url: (
        str  # order_service's pages, as browsers reach them: scheme, host, and a port that is not the usual
    )
    kitchen_url: str
    tracking_url: str
    secret_key: str = field(repr=False)
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
            "secret_key": config.text("SECRET_KEY"),
            "time_zone": _time_zone(config),
            "currency": _currency(config),
            "age_limits": {order_type: _age_limits(config, order_type) for order_type in ORDER_TYPES},
            "max_streams": config.whole("MAX_STREAMS", 1, 10_000),
            "max_streams_per_address": config.whole("MAX_STREAMS_PER_ADDRESS", 1, 10_000),
        }

    @property
    def own_origins(self) -> frozenset[str]:
        return frozenset((self.public_url, self.kitchen_url, self.tracking_url))

    def signing_key(self) -> bytes:
        """The key that tracking links and sign-in tokens are signed with.

        Raises SettingsError when it is missing or shorter than 32 characters.
        """
        if len(self.secret_key) < MIN_SECRET_KEY:
            raise SettingsError(
                f"SECRET_KEY needs at least {MIN_SECRET_KEY} characters: set it to what `openssl rand -hex 32` "
                "prints, for all services the same"
            )
        return self.secret_key.encode()


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
