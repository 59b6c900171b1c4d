"""Bad settings are named, good ones typed, and secrets never shown."""

import copy
from typing import Any

import pytest

from common.settings import Settings, SettingsError, libpq_url, load_config, sqlalchemy_url
from kitchen_service.settings import KitchenSettings
from order_service.settings import OrderSettings
from tests.support.expedite import ROOT

SECRETS = {
    "AMQP_URI": "amqp://cook:amqp-password@127.0.0.1:5672/",
    "SECRET_KEY": "a-key-that-nobody-must-see",
    "DATABASE_URL": "postgresql://expedite:db-password@127.0.0.1:5432/expedite",
}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return copy.deepcopy(load_config(ROOT / "config.yml"))


def read(config: dict[str, Any], **changes: Any) -> OrderSettings:
    return OrderSettings.of({**config, **changes}, "order_service")


def read_kitchens(config: dict[str, Any], **changes: Any) -> KitchenSettings:
    return KitchenSettings.of({**config, **changes}, "kitchen_service")


def test_the_defaults_stay_as_they_are(config: dict[str, Any]) -> None:
    order, kitchen = read(config), read_kitchens(config)
    assert (order.http_host, order.http_port) == ("127.0.0.1", 3000)
    assert order.open_items is True
    assert kitchen.order_types == ("dine_in", "takeout", "delivery")
    assert kitchen.prefetch == 1
    assert kitchen.heartbeat_interval == 30
    assert kitchen.cooking == "simulated"


@pytest.mark.parametrize(
    ("service", "port"),
    [("order_service", 3000), ("kitchen_service", 3001), ("tracking_service", 3002), ("notifier_service", 3003)],
)
def test_each_service_has_its_port(config: dict[str, Any], service: str, port: int) -> None:
    assert Settings.of(config, service).http_port == port


def test_the_environment_overrides_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFETCH", "7")
    monkeypatch.setenv("OPEN_ITEMS", "false")
    monkeypatch.setenv("WORKER_NAME", "yes")
    monkeypatch.setenv("ORDER_TYPES", " delivery , takeout,")
    monkeypatch.setenv("PUBLIC_URL", "https://eat.example/")
    config = load_config(ROOT / "config.yml")
    order, kitchen = read(config), read_kitchens(config)
    assert (order.open_items, order.public_url) == (False, "https://eat.example")
    assert (kitchen.prefetch, kitchen.worker_name) == (7, "yes")
    assert kitchen.order_types == ("takeout", "delivery")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECALL_WINDOW", -1),
        ("STOP_GRACE", "75s"),
        ("STATEMENT_TIMEOUT", 0),
        ("DB_POOL_SIZE", {"order_service": 0}),
        ("DB_POOL_TIMEOUT", 1e9),
        ("HEARTBEAT", 0),
        ("OPEN_ITEMS", "no"),
        ("OPEN_ITEMS", 1),
    ],
)
def test_a_bad_setting_is_named(config: dict[str, Any], name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        read(config, **{name: value})
    assert_no_secret_in(str(refusal.value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFETCH", 0),
        ("PREFETCH", "many"),
        ("PREFETCH", True),
        ("PREFETCH", None),
        ("PREFETCH", 1.5),
        ("COOKING", "microwave"),
        ("COOKING_SPEED", -1),
        ("COOKING_SPEED", float("nan")),
        ("COOKING_SPEED", float("inf")),
        ("COOKING_SPEED", 1e-300),
        ("HEARTBEAT_INTERVAL", 0),
        ("ORDER_TYPES", ""),
        ("ORDER_TYPES", ","),
        ("ORDER_TYPES", "dine_in,breakfast"),
        ("WORKER_NAME", ""),
        ("WORKER_NAME", "x" * 51),
        ("WORKER_NAME", "chef\nmario"),
        ("WORKER_NAME", "chef;mario"),
    ],
)
def test_a_bad_setting_of_the_kitchen_is_named_and_stops_no_other_service(
    config: dict[str, Any], name: str, value: Any
) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        read_kitchens(config, **{name: value})
    assert_no_secret_in(str(refusal.value))
    assert read(config, **{name: value}) == read(config)
    assert Settings.of({**config, name: value}, "tracking_service").http_port == 3002


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "", "127.0.0.1:99999"])
def test_a_bad_address_is_named(config: dict[str, Any], address: str) -> None:
    with pytest.raises(SettingsError, match=r"HTTP_ADDRESSES\.order_service"):
        read(config, HTTP_ADDRESSES={"order_service": address})


@pytest.mark.parametrize("key", ["", "short", "x" * 31])
def test_a_missing_or_short_key_is_refused_without_showing_it(config: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError, match="SECRET_KEY needs at least 32 characters") as refusal:
        read(config, SECRET_KEY=key).signing_key()
    assert not key or key not in str(refusal.value)


def test_a_key_of_32_characters_will_do(config: dict[str, Any]) -> None:
    assert read(config, SECRET_KEY="é" * 32).signing_key() == ("é" * 32).encode()


def test_settings_can_be_shown_without_their_secrets(config: dict[str, Any]) -> None:
    assert_no_secret_in(repr(read(config)))
    assert_no_secret_in(f"{read(config)}")


@pytest.mark.parametrize(
    "url", ["postgresql://u@h/d", "postgres://u@h/d", "postgresql+psycopg2://u@h/d", "postgresql+psycopg://u@h/d"]
)
def test_a_database_address_has_one_form_for_libpq_and_one_for_sqlalchemy(url: str) -> None:
    libpq = libpq_url(url)
    assert libpq == "postgresql://u@h/d"
    assert sqlalchemy_url(url) == "postgresql+psycopg2://u@h/d"


def assert_no_secret_in(text: str) -> None:
    assert not [word for word in ("amqp-password", "db-password", SECRETS["SECRET_KEY"]) if word in text]


def test_rate_limits_are_read_as_they_are_said(config: dict[str, Any]) -> None:
    limits = read(config).rate_limits
    assert [str(limit) for limit in limits.sign_in_account] == ["5 per 1 minute", "50 per 1 hour"]
    assert limits.order_address == ()
    config["RATE_LIMITS"]["order"]["address"] = "60 per minute"
    assert [str(limit) for limit in read(config).rate_limits.order_address] == ["60 per 1 minute"]


@pytest.mark.parametrize("limit", ["often", "5", "5 per fortnight", "-1 per minute"])
def test_a_rate_limit_that_is_none_is_named(config: dict[str, Any], limit: str) -> None:
    config["RATE_LIMITS"]["order"]["account"] = limit
    with pytest.raises(SettingsError, match=r"RATE_LIMITS\.order\.account"):
        read(config)


def test_the_password_of_the_rate_limits_storage_is_never_shown(config: dict[str, Any]) -> None:
    shown = repr(read(config, RATE_LIMIT_STORAGE="redis://:redis-password@127.0.0.1:6379/0"))
    assert "redis-password" not in shown


def test_an_address_that_asks_for_tls_to_rabbitmq_is_refused_without_its_password(config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="AMQP_URI") as refused:
        read(config, AMQP_URI="amqps://cook:amqp-password@127.0.0.1:5671/")
    assert "amqp-password" not in str(refused.value)
