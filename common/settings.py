"""The settings of config.yml, read once, checked, and typed. Durations are seconds.

Here is what every service has. What one service has alone stands in its own settings module, as a subclass, so
that a value that makes no sense stops the service that it is for and no other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml
from nameko.cli.main import setup_yaml_parser

CLASSIC = "classic"
QUORUM = "quorum"  # needs RabbitMQ 4.0; priorities as classic queues have them from 4.3 on

_MIN_PAUSE, _MAX_PAUSE = 0.05, 3600  # seconds


class SettingsError(Exception):
    """A setting is missing or makes no sense. The message names it, and never shows a secret."""


@dataclass(frozen=True)
class Settings:
    """What config.yml says, for one service."""

    amqp_uri: str = field(repr=False)  # one address, or several of one cluster with ; between them
    queue_type: str
    database_url: str = field(repr=False)
    direct_url: str = field(repr=False)  # past a pooler; "" without one
    http_host: str
    http_port: int
    trusted_proxies: int
    recall_window: float
    stuck_received: float
    stuck_cooking: float
    workers_listed_for: int  # days
    max_concurrent: int
    max_connections_per_address: int
    stop_grace: float
    statement_timeout: float
    db_pool_size: int
    db_pool_timeout: float
    broker_heartbeat: int
    otlp_endpoint: str = field(repr=False)  # where traces are sent; "" is nowhere
    traces_per_second: int

    @property
    def session_url(self) -> str:
        """The database's address for what lives in a session and not in a transaction: locks, LISTEN, prepared
        statements. A pooler would give the next transaction another session."""
        return self.direct_url or self.database_url

    @property
    def own_origins(self) -> frozenset[str]:
        """Scheme, host and port of each service's pages: what they send may be sent in the name of who is signed
        in."""
        return frozenset()

    @classmethod
    def of(cls, config: Mapping[str, Any], service_name: str) -> Self:
        """The settings of `service_name`. Raises SettingsError."""
        return cls(**cls.read(ConfigReader(config), service_name))

    @classmethod
    def read(cls, config: "ConfigReader", service_name: str) -> dict[str, Any]:
        """The values of the fields. A subclass adds its own."""
        host, port = config.address(service_name)
        if any(address.strip().lower().startswith("amqps:") for address in config.text("AMQP_URI").split(";")):
            # The relay and the kitchen would speak plain text to it, and send the password so.
            raise SettingsError("AMQP_URI is amqp://…: TLS to RabbitMQ, amqps://, is not supported")
        if config.text("QUEUE_TYPE") not in (CLASSIC, QUORUM):
            raise SettingsError(f"QUEUE_TYPE is {CLASSIC} or {QUORUM}")
        return {
            "amqp_uri": config.text("AMQP_URI"),
            "queue_type": config.text("QUEUE_TYPE"),
            "database_url": database_address(str(config["DB_URIS"][f"{service_name}:Base"]), "DATABASE_URL"),
            "direct_url": database_address(config.text("DATABASE_DIRECT_URL").strip(), "DATABASE_DIRECT_URL"),
            "http_host": host,
            "http_port": port,
            "trusted_proxies": config.whole("TRUSTED_PROXIES", 0, 10),
            "recall_window": config.number("RECALL_WINDOW", 0, 1e6),
            "stuck_received": config.number("STUCK_RECEIVED", 1, 1e6),
            "stuck_cooking": config.number("STUCK_COOKING", 1, 1e6),
            "workers_listed_for": config.whole("WORKERS_LISTED_FOR", 1, 36_500),
            "max_concurrent": config.whole("MAX_CONCURRENT", 1, 10_000),
            "max_connections_per_address": config.whole("MAX_CONNECTIONS_PER_ADDRESS", 1, 100_000),
            "stop_grace": config.number("STOP_GRACE", 0.1, 3600),
            "statement_timeout": config.number("STATEMENT_TIMEOUT", 0.1, 600),
            "db_pool_size": ConfigReader({"DB_POOL_SIZE": config["DB_POOL_SIZE"][service_name]}).whole(
                "DB_POOL_SIZE", 1, 1000
            ),
            "db_pool_timeout": config.number("DB_POOL_TIMEOUT", 0.1, 60),
            "broker_heartbeat": config.whole("HEARTBEAT", 1, 600),
            "otlp_endpoint": _endpoint(config),
            "traces_per_second": config.whole("TRACES_PER_SECOND", 1, 1000),
        }


class ConfigReader:
    """Takes values out of the loaded file. Everything raises SettingsError, which names the setting and what it
    may be."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def __getitem__(self, name: str) -> Any:
        return self._config[name]

    def text(self, name: str) -> str:
        return str(self[name])

    def number(self, name: str, least: float, most: float) -> float:
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise SettingsError(f"{name} is a number from {least} to {most}")
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        value = self.number(name, least, most)
        if value != int(value):
            raise SettingsError(f"{name} is a whole number from {least} to {most}")
        return int(value)

    def flag(self, name: str) -> bool:
        value = self[name]
        if not isinstance(value, bool):
            raise SettingsError(f"{name} is true or false")
        return value

    def address(self, service_name: str) -> tuple[str, int]:
        """Where the service's web server listens."""
        host, _, port = str(self["HTTP_ADDRESSES"][service_name]).rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise SettingsError(f"HTTP_ADDRESSES.{service_name} is an address and a port, like 127.0.0.1:3000")
        return host, int(port)

    def retry_pauses(self) -> tuple[float, ...]:
        """Seconds that a ticket waits for each further attempt; each is also the name of a queue."""
        try:
            pauses = tuple(float(pause) for pause in self.text("RETRY_PAUSES").split(","))
        except ValueError as exc:
            raise SettingsError("RETRY_PAUSES is seconds, separated by commas, like 1,5,15,60") from exc
        if not all(_MIN_PAUSE <= pause <= _MAX_PAUSE for pause in pauses):
            raise SettingsError(f"RETRY_PAUSES are from {_MIN_PAUSE} to {_MAX_PAUSE} seconds")
        return pauses


def _endpoint(config: ConfigReader) -> str:
    given = config.text("OTEL_EXPORTER_OTLP_ENDPOINT").strip()
    if given and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", given):
        raise SettingsError("OTEL_EXPORTER_OTLP_ENDPOINT is an address like http://127.0.0.1:4318, or nothing")
    return given


def database_address(given: str, name: str) -> str:
    """What the setting `name` holds, for libpq; it may be nothing. Raises SettingsError."""
    url = libpq_url(given)
    if url and not re.fullmatch(r"postgresql://[^\s,]+(,[^\s,]+)*", url):
        raise SettingsError(f"{name} is like postgresql://user:password@127.0.0.1:5432/expedite")
    return url


def load_config(path: str | Path = "config.yml") -> dict[str, Any]:
    """config.yml with the environment's values in it, as `nameko run` reads it."""
    setup_yaml_parser()
    with open(path, encoding="utf-8") as file:
        config: dict[str, Any] = yaml.safe_load(file)
        return config


def libpq_url(url: str) -> str:
    """The database's address in libpq's form, postgresql://…, also where SQLAlchemy's form is configured."""
    return re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", url)
