"""The settings of config.yaml, read once, checked, and typed. Durations are seconds.

Every service gets them from its container's config; migrations and tools read the same file.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import limits
import yaml
from limits import RateLimitItem
from nameko.cli.main import setup_yaml_parser

from common import lifecycle

SECRET_KEY_LENGTH = 32
SIMULATED = "simulated"
STAFFED = "staffed"
_SLOWEST = 0.001  # times the usual speed; slower, an estimate would leave the calendar
_LEAST_PAUSE, _LONGEST_PAUSE = 0.05, 3600
_WORKER_NAME = re.compile(r"[\w .'-]{1,50}")


class SettingsError(Exception):
    """A setting is missing or makes no sense. The message names it, and never shows a secret."""


@dataclass(frozen=True)
class RateLimits:
    """How often something may be done from one address and by one account; none is no limit."""

    register_address: tuple[RateLimitItem, ...]
    sign_in_address: tuple[RateLimitItem, ...]
    sign_in_account: tuple[RateLimitItem, ...]
    order_address: tuple[RateLimitItem, ...]
    order_account: tuple[RateLimitItem, ...]


@dataclass(frozen=True)
class Settings:
    """What config.yaml says, for one service."""

    amqp_uri: str = field(repr=False)
    database_url: str = field(repr=False)
    http_host: str
    http_port: int
    public_url: str
    secret_key: str = field(repr=False)
    open_items: bool
    guest_orders: bool
    rate_limits: "RateLimits"
    rate_limit_storage: str = field(repr=False)
    trusted_proxies: int
    worker_name: str
    order_types: tuple[str, ...]
    prefetch: int
    cooking: str
    cooking_speed: float
    heartbeat_interval: float
    recall_window: float
    retry_pauses: tuple[float, ...]
    sweep_interval: float
    sweep_grace: float
    stuck_received: float
    stuck_cooking: float
    max_concurrent: int
    max_connections_per_address: int
    stop_grace: float
    statement_timeout: float
    db_pool_size: int
    db_pool_timeout: float
    broker_heartbeat: int

    def signing_key(self) -> bytes:
        """The key that tracking links are signed with.

        Raises SettingsError when it is missing or shorter than 32 characters.
        """
        if len(self.secret_key) < SECRET_KEY_LENGTH:
            raise SettingsError(f"SECRET_KEY needs at least {SECRET_KEY_LENGTH} characters")
        return self.secret_key.encode()


def load(path: str | Path = "config.yaml") -> dict[str, Any]:
    """config.yaml with the environment's values in it, as `nameko run` reads it."""
    setup_yaml_parser()
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def settings(config: Mapping[str, Any], service_name: str) -> Settings:
    """The settings of `service_name`. Raises SettingsError."""
    host, _, port = str(config["HTTP_ADDRESSES"][service_name]).rpartition(":")
    number = functools.partial(_number, config)
    whole = functools.partial(_whole, config)
    worker_name = str(config["WORKER_NAME"])
    if not _WORKER_NAME.fullmatch(worker_name):
        raise SettingsError("WORKER_NAME needs 1 to 50 letters, digits, spaces, dots, hyphens or apostrophes")
    if str(config["AMQP_URI"]).lower().startswith("amqps:"):
        # The relay and the kitchen would speak plain text to it, and send the password so.
        raise SettingsError("AMQP_URI is amqp://…: TLS to RabbitMQ, amqps://, is not supported")
    if config["COOKING"] not in (SIMULATED, STAFFED):
        raise SettingsError(f"COOKING is {SIMULATED} or {STAFFED}")
    cooking_speed = number("COOKING_SPEED", 0, 1e6)
    if 0 < cooking_speed < _SLOWEST:
        raise SettingsError(f"COOKING_SPEED is 0, for no time at all, or at least {_SLOWEST}")
    try:
        order_types = lifecycle.known_types(
            name.strip() for name in str(config["ORDER_TYPES"]).split(",") if name.strip()
        )
    except ValueError as exc:
        raise SettingsError(f"ORDER_TYPES: {exc}") from exc
    if not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"HTTP_ADDRESSES.{service_name} is an address and a port, like 127.0.0.1:3000")
    return Settings(
        amqp_uri=str(config["AMQP_URI"]),
        database_url=database_url(config, service_name),
        http_host=host,
        http_port=int(port),
        public_url=str(config["PUBLIC_URL"]).rstrip("/"),
        secret_key=str(config["SECRET_KEY"]),
        open_items=_flag(config, "OPEN_ITEMS"),
        guest_orders=_flag(config, "GUEST_ORDERS"),
        rate_limits=RateLimits(
            register_address=_rate_limit(config, "register", "address"),
            sign_in_address=_rate_limit(config, "sign_in", "address"),
            sign_in_account=_rate_limit(config, "sign_in", "account"),
            order_address=_rate_limit(config, "order", "address"),
            order_account=_rate_limit(config, "order", "account"),
        ),
        rate_limit_storage=str(config["RATE_LIMIT_STORAGE"]),
        trusted_proxies=whole("TRUSTED_PROXIES", 0, 10),
        worker_name=worker_name,
        order_types=order_types,
        prefetch=whole("PREFETCH", 1, 1000),
        cooking=str(config["COOKING"]),
        cooking_speed=cooking_speed,
        heartbeat_interval=number("HEARTBEAT_INTERVAL", 0.1, 3600),
        retry_pauses=_pauses(config),
        recall_window=number("RECALL_WINDOW", 0, 1e6),
        sweep_interval=number("SWEEP_INTERVAL", 0.1, 3600),
        sweep_grace=number("SWEEP_GRACE", 0.1, 3600),
        stuck_received=number("STUCK_RECEIVED", 1, 1e6),
        stuck_cooking=number("STUCK_COOKING", 1, 1e6),
        max_concurrent=int(number("MAX_CONCURRENT", 1, 10_000)),
        max_connections_per_address=whole("MAX_CONNECTIONS_PER_ADDRESS", 1, 100_000),
        stop_grace=number("STOP_GRACE", 0.1, 3600),
        statement_timeout=number("STATEMENT_TIMEOUT", 0.1, 600),
        db_pool_size=_whole({"DB_POOL_SIZE": config["DB_POOL_SIZE"][service_name]}, "DB_POOL_SIZE", 1, 1000),
        db_pool_timeout=number("DB_POOL_TIMEOUT", 0.1, 60),
        broker_heartbeat=whole("HEARTBEAT", 1, 600),
    )


def database_url(config: Mapping[str, Any], service_name: str) -> str:
    """The database's address in libpq's form, postgresql://…, also where SQLAlchemy's form is configured."""
    return re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", str(config["DB_URIS"][f"{service_name}:Base"]))


def sqlalchemy_url(libpq_url: str) -> str:
    """The same address for SQLAlchemy, which else would look for another driver."""
    return libpq_url.replace("postgresql:", "postgresql+psycopg2:", 1)


def _number(config: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = config[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise SettingsError(f"{name} is a number from {least} to {most}")
    return value


def _whole(config: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = _number(config, name, least, most)
    if value != int(value):
        raise SettingsError(f"{name} is a whole number from {least} to {most}")
    return int(value)


def _pauses(config: Mapping[str, Any]) -> tuple[float, ...]:
    try:
        pauses = tuple(float(pause) for pause in str(config["RETRY_PAUSES"]).split(","))
    except ValueError as exc:
        raise SettingsError("RETRY_PAUSES is seconds, separated by commas, like 1,5,15,60") from exc
    if not all(_LEAST_PAUSE <= pause <= _LONGEST_PAUSE for pause in pauses):
        raise SettingsError(f"RETRY_PAUSES are from {_LEAST_PAUSE} to {_LONGEST_PAUSE} seconds")
    return pauses


def _rate_limit(config: Mapping[str, Any], action: str, by: str) -> tuple[RateLimitItem, ...]:
    given = str(config["RATE_LIMITS"][action][by])
    try:
        return tuple(limits.parse_many(given)) if given.strip() else ()
    except ValueError as exc:
        raise SettingsError(f"RATE_LIMITS.{action}.{by} is like 10 per minute;100 per day") from exc


def _flag(config: Mapping[str, Any], name: str) -> bool:
    value = config[name]
    if not isinstance(value, bool):
        raise SettingsError(f"{name} is true or false")
    return value
