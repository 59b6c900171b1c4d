"""What the front door can be set to."""

from dataclasses import dataclass, field
from typing import Any

import limits
from limits import RateLimitItem

from common.settings import ConfigReader, Settings, SettingsError

MIN_SECRET_KEY = 32  # characters


@dataclass(frozen=True)
class RateLimits:
    """How often something may be done from one address and by one account; none is no limit."""

    register_address: tuple[RateLimitItem, ...]
    sign_in_address: tuple[RateLimitItem, ...]
    sign_in_account: tuple[RateLimitItem, ...]
    order_address: tuple[RateLimitItem, ...]
    order_account: tuple[RateLimitItem, ...]


@dataclass(frozen=True)
class OrderSettings(Settings):
    """What config.yml says, for order_service."""

    public_url: str
    secret_key: str = field(repr=False)
    open_items: bool
    guest_orders: bool
    rate_limits: RateLimits
    rate_limit_storage: str = field(repr=False)
    sweep_interval: float
    sweep_grace: float

    @classmethod
    def read(cls, config: ConfigReader, service_name: str) -> dict[str, Any]:
        return {
            **super().read(config, service_name),
            "public_url": config.text("PUBLIC_URL").rstrip("/"),
            "secret_key": config.text("SECRET_KEY"),
            "open_items": config.flag("OPEN_ITEMS"),
            "guest_orders": config.flag("GUEST_ORDERS"),
            "rate_limits": RateLimits(
                register_address=_rate_limit(config, "register", "address"),
                sign_in_address=_rate_limit(config, "sign_in", "address"),
                sign_in_account=_rate_limit(config, "sign_in", "account"),
                order_address=_rate_limit(config, "order", "address"),
                order_account=_rate_limit(config, "order", "account"),
            ),
            "rate_limit_storage": config.text("RATE_LIMIT_STORAGE"),
            "sweep_interval": config.number("SWEEP_INTERVAL", 0.1, 3600),
            "sweep_grace": config.number("SWEEP_GRACE", 0.1, 3600),
        }

    def signing_key(self) -> bytes:
        """The key that tracking links and sign-in tokens are signed with.

        Raises SettingsError when it is missing or shorter than 32 characters.
        """
        if len(self.secret_key) < MIN_SECRET_KEY:
            raise SettingsError(f"SECRET_KEY needs at least {MIN_SECRET_KEY} characters")
        return self.secret_key.encode()


def _rate_limit(config: ConfigReader, action: str, by: str) -> tuple[RateLimitItem, ...]:
    given = str(config["RATE_LIMITS"][action][by])
    try:
        return tuple(limits.parse_many(given)) if given.strip() else ()
    except ValueError as exc:
        raise SettingsError(f"RATE_LIMITS.{action}.{by} is like 10 per minute;100 per day") from exc
