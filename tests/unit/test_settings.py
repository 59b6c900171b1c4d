"""Bad settings are named, good ones typed, and secrets never shown."""

import copy
from typing import Any

import pytest

from common.pages.settings import AgeLimits, PageSettings
from common.settings import Settings, SettingsError, libpq_url, load_config
from kitchen_service.settings import KitchenSettings
from notifier_service.settings import NotifierSettings
from order_service.settings import OrderSettings
from tests.support.expedite import ROOT
from tracking_service.settings import TrackingSettings

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
    assert (order.otlp_endpoint, order.traces_per_second) == ("", 20)


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
        ("TRACES_PER_SECOND", 0),
        ("TRACES_PER_SECOND", 1001),
        ("TRACES_PER_SECOND", 0.5),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://127.0.0.1:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a b/"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318?token=x"),
        ("DATABASE_DIRECT_URL", "127.0.0.1:5432"),
        ("DATABASE_DIRECT_URL", "postgresql://expedite@one:5432, two:5432/expedite"),
        ("ARCHIVE_AFTER", 29),
        ("ARCHIVE_AFTER", 400.5),
        ("WORKERS_LISTED_FOR", 0),
        ("MAX_STREAMS", 0),
        ("MAX_STREAMS_PER_ADDRESS", 1.5),
        ("OPEN_ITEMS", "no"),
        ("OPEN_ITEMS", 1),
        ("TRACKING_LINK_DAYS", 0),
        ("TRACKING_LINK_DAYS", 1.5),
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STANDBY_URL", "127.0.0.1:5432"),
        ("STANDBY_URL", "postgresql://expedite@one:5432,two:5432/expedite"),
        ("STANDBY_MAX_LAG", 0.5),
    ],
)
def test_a_bad_setting_of_tracking_is_named_and_stops_no_other_service(
    config: dict[str, Any], name: str, value: Any
) -> None:
    with pytest.raises(SettingsError, match=name):
        TrackingSettings.of({**config, name: value}, "tracking_service")
    assert read(config, **{name: value}) == read(config)


def test_a_database_may_have_several_servers(config: dict[str, Any]) -> None:
    several = "postgresql://expedite:db-password@one:5432,two:5433/expedite"
    found = read(config, DB_URIS={"order_service:Base": several})
    assert (found.database_url, found.session_url) == (several, several)
    direct = read(config, DATABASE_DIRECT_URL=several)
    assert (direct.database_url, direct.session_url) == (SECRETS["DATABASE_URL"], several)
    assert_no_secret_in(repr(found))
    assert_no_secret_in(repr(direct))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_PORT", 0),
        ("SMTP_SECURITY", "ssl"),
        ("SMTP_SECURITY", "none"),  # with a password, to another machine
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "Mario"),
        ("MAIL_FROM", "Mario <orders@eat.example>\r\nBcc: x@example.com"),
        ("DELIVERY_PAUSES", ""),
        ("DELIVERY_PAUSES", "5,0"),
        ("DELIVERY_PAUSES", ",".join(["5"] * 50)),
        ("KEEP_DELIVERIES", 0),
        ("WEBHOOKS_ALLOW_HTTP", "yes"),
        ("WEBHOOKS_ALLOW_PRIVATE", 1),
        ("NOTIFIER_URL", "eat.example"),
    ],
)
def test_a_bad_setting_of_what_is_sent_is_named(config: dict[str, Any], name: str, value: Any) -> None:
    sends = {**config, "SMTP_HOST": "mail.example", "MAIL_FROM": "orders@eat.example"}
    sends |= {"SMTP_USER": "orders", "SMTP_PASSWORD": SECRETS["SECRET_KEY"]}
    assert NotifierSettings.of(sends, "notifier_service").sends_mail
    with pytest.raises(SettingsError, match=name) as refusal:
        NotifierSettings.of({**sends, name: value}, "notifier_service")
    assert_no_secret_in(str(refusal.value))


def test_no_mail_is_sent_unless_there_is_a_server(config: dict[str, Any]) -> None:
    assert NotifierSettings.of(config, "notifier_service").sends_mail is False


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "", "127.0.0.1:99999"])
def test_a_bad_address_is_named(config: dict[str, Any], address: str) -> None:
    with pytest.raises(SettingsError, match=r"HTTP_ADDRESSES\.order_service"):
        read(config, HTTP_ADDRESSES={"order_service": address})


@pytest.mark.parametrize("key", ["", "short", "x" * 31])
def test_a_missing_or_short_key_is_refused_without_showing_it(config: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError, match="SECRET_KEY needs at least 32 characters") as refusal:
        read(config, SECRET_KEY=key).signing_keys()
    assert not key or key not in str(refusal.value)


def test_a_key_of_32_characters_will_do(config: dict[str, Any]) -> None:
    assert read(config, SECRET_KEY="é" * 32).signing_keys() == (("é" * 32).encode(),)


def test_while_keys_change_the_new_one_is_the_first_of_two(config: dict[str, Any]) -> None:
    both = read(config, SECRET_KEY="n" * 32, SECRET_KEY_BEFORE="b" * 32)
    assert both.signing_keys() == (b"n" * 32, b"b" * 32)
    assert "n" * 32 not in repr(both)
    assert "b" * 32 not in repr(both)


def test_a_short_key_from_before_is_refused_without_showing_it(config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="SECRET_KEY_BEFORE needs at least 32 characters") as refusal:
        read(config, SECRET_KEY="n" * 32, SECRET_KEY_BEFORE="y" * 31).signing_keys()
    assert "yyy" not in str(refusal.value)


def test_pages_are_in_utc_without_a_currency_unless_they_are_told(config: dict[str, Any]) -> None:
    pages = PageSettings.of(config, "tracking_service")
    assert (pages.time_zone.key, pages.currency) == ("UTC", "")
    assert pages.age_limits == {
        "dine_in": AgeLimits(600, 900),
        "takeout": AgeLimits(600, 900),
        "delivery": AgeLimits(900, 1200),
    }
    house = read(config, TIME_ZONE="America/Argentina/Buenos_Aires", CURRENCY=" AR$ ")
    assert house.time_zone.key == "America/Argentina/Buenos_Aires"
    assert house.currency == "AR$"


def test_the_environment_says_how_old_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGE_WARN_TAKEOUT", "60")
    monkeypatch.setenv("AGE_LATE_TAKEOUT", "90.5")
    monkeypatch.setenv("AGE_LATE_DELIVERY", "3600")
    limits = PageSettings.of(load_config(ROOT / "config.yml"), "kitchen_service").age_limits
    assert (limits["takeout"], limits["delivery"]) == (AgeLimits(60, 90.5), AgeLimits(900, 3600))


@pytest.mark.parametrize(
    "zone",
    [
        "", " ", "Rome", "europe", "Europe", "Europe/", "Europe/Atlantis", "UTC ", "+02:00", "CET-1CEST",
        "/etc/localtime", "../../etc/passwd", "Europe/../UTC", "zone.tab", "UTC'; drop table orders; --", "UTC\n",
        "x" * 5000, "Ünited/Zone",
    ],
)  # fmt: skip
def test_a_time_zone_that_is_none_is_refused_with_what_to_write(config: dict[str, Any], zone: str) -> None:
    with pytest.raises(SettingsError, match=r"TIME_ZONE .* like UTC, Europe/Rome"):
        read(config, TIME_ZONE=zone)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Rome", "America/Los_Angeles", "Asia/Tokyo", "Etc/GMT+12"])
def test_time_zones_that_are_taken(config: dict[str, Any], zone: str) -> None:
    assert read(config, TIME_ZONE=zone).time_zone.key == zone


@pytest.mark.parametrize("currency", ["", "EUR", "€", "R$", "CHF", "x" * 5, "Kč"])
def test_currencies_that_are_taken(config: dict[str, Any], currency: str) -> None:
    assert read(config, CURRENCY=currency).currency == currency


@pytest.mark.parametrize("currency", ["x" * 6, "E\u202eUR", "E\nUR", "E\x00", "E\u2028E"])
def test_a_currency_that_is_none_is_named(config: dict[str, Any], currency: str) -> None:
    with pytest.raises(SettingsError, match="CURRENCY is at most 5 characters"):
        read(config, CURRENCY=currency)


@pytest.mark.parametrize("name", ["PUBLIC_URL", "KITCHEN_URL", "TRACKING_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "", "eat.example", "//eat.example", "ftp://eat.example", "https://", "https:///", "https://eat.example/expedite",
        "https://eat.example?x=1", "https://eat.example#x", "https://ada:pass@eat.example", "https://eat.example:",
        "https://eat.example:0", "https://eat.example:65536", "https://eat.example:http", "https://eat example",
        "https://-eat.example", "https://eat.example;", "https://eat.example 'unsafe-inline'", "https://eat.example\n",
        "https://eät.example", "javascript://eat.example", "https://[::1",
    ],
)  # fmt: skip
def test_an_address_of_pages_that_is_none_is_named(config: dict[str, Any], name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is http:// or https:// with a host") as refusal:
        read(config, **{name: url})
    assert "pass@" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://eat.example", "https://eat.example"),
        ("https://eat.example/", "https://eat.example"),
        ("HTTPS://Eat.Example", "https://eat.example"),
        ("https://eat.example:443", "https://eat.example"),
        ("http://eat.example:80/", "http://eat.example"),
        ("http://eat.example:443", "http://eat.example:443"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://my_pi:8080", "http://my_pi:8080"),
    ],
)
def test_an_address_of_pages_is_what_a_browser_calls_their_origin(
    config: dict[str, Any], url: str, origin: str
) -> None:
    pages = read(config, PUBLIC_URL=url, KITCHEN_URL="http://127.0.0.1:3001", TRACKING_URL=url, NOTIFIER_URL=url)
    assert pages.public_url == pages.tracking_url == origin
    assert pages.own_origins == {origin, "http://127.0.0.1:3001"}


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"warn": 0, "late": 900}, "AGE_LIMITS.takeout.warn is a number from 1"),
        ({"warn": 600, "late": "late"}, "AGE_LIMITS.takeout.late is a number from 1"),
        ({"warn": True, "late": 900}, "AGE_LIMITS.takeout.warn is a number from 1"),
        ({"warn": 600, "late": float("nan")}, "AGE_LIMITS.takeout.late is a number from 1"),
        ({"warn": 900, "late": 900}, "AGE_LIMITS.takeout.late must be more than AGE_LIMITS.takeout.warn"),
        ({"warn": 901, "late": 900}, "AGE_LIMITS.takeout.late must be more than AGE_LIMITS.takeout.warn"),
    ],
    ids=str,
)
def test_age_limits_that_make_no_sense_are_named(config: dict[str, Any], limits: Any, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read(config, AGE_LIMITS={**config["AGE_LIMITS"], "takeout": limits})


def test_settings_can_be_shown_without_their_secrets(config: dict[str, Any]) -> None:
    assert_no_secret_in(repr(read(config)))
    assert_no_secret_in(f"{read(config)}")


@pytest.mark.parametrize(
    "url", ["postgresql://u@h/d", "postgres://u@h/d", "postgresql+psycopg2://u@h/d", "postgresql+psycopg://u@h/d"]
)
def test_a_database_address_has_one_form_whichever_it_was_given_in(url: str) -> None:
    assert libpq_url(url) == "postgresql://u@h/d"


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


@pytest.mark.parametrize("others", ["", "amqp://cook:amqp-password@127.0.0.1:5672/;", "amqp://127.0.0.1/ ; "])
def test_an_address_that_asks_for_tls_to_rabbitmq_is_refused_without_its_password(
    config: dict[str, Any], others: str
) -> None:
    with pytest.raises(SettingsError, match="AMQP_URI") as refused:
        read(config, AMQP_URI=f"{others}amqps://cook:amqp-password@127.0.0.1:5671/")
    assert "amqp-password" not in str(refused.value)


@pytest.mark.parametrize("kind", ["", "Quorum", "stream", "mirrored"])
def test_queues_are_of_one_of_two_kinds(config: dict[str, Any], kind: str) -> None:
    with pytest.raises(SettingsError, match="QUEUE_TYPE is classic or quorum"):
        read(config, QUEUE_TYPE=kind)
