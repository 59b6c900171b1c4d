"""What the front door can be set to."""

from dataclasses import dataclass, field
from typing import Any

import limits
from limits import RateLimitItem

from common.pages.settings import PageSettings
from common.settings import ConfigReader, SettingsError

#: Days that every order stays where it is worked with.
MIN_ARCHIVED_AFTER = 30


@dataclass(frozen=True)
class RateLimits:
    """How often something may be done from one address and by one account; none is no limit."""

    register_address: tuple[RateLimitItem, ...]
    sign_in_address: tuple[RateLimitItem, ...]
    sign_in_account: tuple[RateLimitItem, ...]
    letter_address: tuple[RateLimitItem, ...]
    letter_mailbox: tuple[RateLimitItem, ...]
    order_address: tuple[RateLimitItem, ...]
    order_account: tuple[RateLimitItem, ...]
    question_address: tuple[RateLimitItem, ...]


@dataclass(frozen=True)
class OrderSettings(PageSettings):
    """What config.yml says, for order_service."""

    open_items: bool
    guest_orders: bool
    rate_limits: RateLimits
    rate_limit_storage: str = field(repr=False)
    sweep_interval: float
    sweep_grace: float
    archive_after: int

    @classmethod
    def read(cls, config: ConfigReader, service_name: str) -> dict[str, Any]:
        return {
            **super().read(config, service_name),
            "open_items": config.flag("OPEN_ITEMS"),
            "guest_orders": config.flag("GUEST_ORDERS"),
            "rate_limits": RateLimits(
                register_address=_rate_limit(config, "register", "address"),
                sign_in_address=_rate_limit(config, "sign_in", "address"),
                sign_in_account=_rate_limit(config, "sign_in", "account"),
                letter_address=_rate_limit(config, "letter", "address"),
                letter_mailbox=_rate_limit(config, "letter", "mailbox"),
                order_address=_rate_limit(config, "order", "address"),
                order_account=_rate_limit(config, "order", "account"),
                question_address=_rate_limit(config, "question", "address"),
            ),
            "rate_limit_storage": config.text("RATE_LIMIT_STORAGE"),
            "sweep_interval": config.number("SWEEP_INTERVAL", 0.1, 3600),
            "sweep_grace": config.number("SWEEP_GRACE", 0.1, 3600),
            "archive_after": _archive_after(config),
        }


def _archive_after(config: ConfigReader) -> int:
    days = config.whole("ARCHIVE_AFTER", 0, 36_500)
    # Dashboards look at two days, and a complaint may come some weeks later.
    if 0 < days < MIN_ARCHIVED_AFTER:
        raise SettingsError(f"ARCHIVE_AFTER is 0, or a whole number of days from {MIN_ARCHIVED_AFTER}")
    return days


def _rate_limit(config: ConfigReader, action: str, by: str) -> tuple[RateLimitItem, ...]:
    given = str(config["RATE_LIMITS"][action][by])
    try:
        return tuple(limits.parse_many(given)) if given.strip() else ()
    except ValueError as exc:
        raise SettingsError(f"RATE_LIMITS.{action}.{by} is like 10 per minute;100 per day") from exc
