"""Webhooks as admins set them up."""

from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import NotFound, TooMany, TooManyRequests
from notifier_service.webhooks.webhooks import MAX_WEBHOOKS
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.hooks import ask, deliveries, make, start_notifier, webhook
from tests.support.people import NO_LIMITS, Someone, register

URL = "https://till.example/expedite"
SHOWN = {
    *("id", "url", "description", "events", "enabled", "switched_off_at", "switched_off_because"),
    *("failing_since", "old_secret_ends_at", "created_by", "created_at"),
}


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    start_notifier(running, WEBHOOKS_ALLOW_HTTP="false", WEBHOOKS_ALLOW_PRIVATE="false")
    return running


@pytest.fixture(scope="module")
def anna(house: Expedite) -> Someone:
    return register(house, "anna", "admin")


@pytest.fixture(autouse=True)
def _none_is_left(house: Expedite) -> Iterator[None]:
    yield
    house.query("delete from webhooks")


def test_an_admin_makes_one_and_sees_its_secret_once(house: Expedite, anna: Someone) -> None:
    wanted = {
        "order_status_changed": {"new_statuses": ["ready", "cancelled", "ready"], "order_types": ["takeout"]}
    }
    body = {"url": URL, "description": "the till", "events": wanted}
    answer = ask(house, "POST", "/webhooks", body, anna)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"] == f"/webhooks/{made['id']}"
    assert set(made) == SHOWN | {"secret"}
    assert made["events"] == {
        "order_status_changed": {"new_statuses": ["cancelled", "ready"], "order_types": ["takeout"]}
    }
    assert made["enabled"] is True
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert ask(house, "GET", f"/webhooks/{made['id']}", who=anna).json() == made
    assert ask(house, "GET", "/webhooks", who=anna).json() == {"items": [made], "next": None}
    assert ask(house, "PATCH", f"/webhooks/{made['id']}", {"description": None}, anna).json() == {
        **made,
        "description": None,
    }
    assert made["created_by"] == anna.id


def test_without_more_than_a_url_every_change_is_told(house: Expedite) -> None:
    made = make(house, URL)
    assert (made["description"], made["events"]) == (None, {"order_status_changed": {}})
    assert made["created_by"] is None, "an operator"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (None, [""]),
        ([], [""]),
        ({}, ["url"]),
        ({"url": None}, ["url"]),
        ({"url": 7}, ["url"]),
        ({"url": "http://till.example/"}, ["url"]),
        ({"url": "https://127.0.0.1/"}, ["url"]),
        ({"url": "https://[::ffff:10.0.0.1]/"}, ["url"]),
        ({"url": "https://ada:secret@till.example/"}, ["url"]),
        ({"url": "https://till.example/" + "a" * 2048}, ["url"]),
        ({"url": URL, "description": "a" * 201}, ["description"]),
        ({"url": URL, "description": "a\nb"}, ["description"]),
        ({"url": URL, "events": None}, ["events"]),
        ({"url": URL, "events": {}}, ["events"]),
        ({"url": URL, "events": []}, ["events"]),
        ({"url": URL, "events": {"order_placed": {}}}, ["events.order_placed"]),
        ({"url": URL, "events": {"order_status_changed": None}}, ["events.order_status_changed"]),
        (
            {"url": URL, "events": {"order_status_changed": {"new_statuses": []}}},
            ["events.order_status_changed.new_statuses"],
        ),
        (
            {
                "url": URL,
                "events": {"order_status_changed": {"new_statuses": ["ready", {}], "order_types": ["x"]}},
            },
            ["events.order_status_changed.new_statuses[1]", "events.order_status_changed.order_types[0]"],
        ),
        ({"url": URL, "events": {"order_status_changed": {"order_types": ["takeout"] * 4}}}, None),
        ({"url": URL, "secret": "whsec_AAAA", "id": 1}, ["secret", "id"]),
        ({"url": URL, "enabled": True}, ["enabled"]),
    ],
)
def test_what_is_wrong_with_one_is_said(
    house: Expedite, anna: Someone, body: Any, fields: list[str] | None
) -> None:
    answer = ask(house, "POST", "/webhooks", body, anna)
    assert answer.status_code == 422, answer.text
    named = sorted(error["field"] for error in answer.json()["errors"])
    assert named == sorted(fields or ["events.order_status_changed.order_types"])
    assert house.query("select count(*) from webhooks") == [(0,)]


@pytest.mark.parametrize(
    "body",
    [
        *({"url": "http://till.example/"}, {"enabled": None}, {"enabled": 1}, {"secret": "whsec_AAAA"}),
        *({"old_secret_ends_at": "2099-01-01T00:00:00Z"}, {"events": {}}, []),
    ],
)
def test_what_is_wrong_with_a_change_is_said(house: Expedite, anna: Someone, body: Any) -> None:
    made = make(house, URL)
    answer = ask(house, "PATCH", f"/webhooks/{made['id']}", body, anna)
    assert answer.status_code == 422, answer.text
    made.pop("secret")
    assert webhook(house, made["id"]) == made


@pytest.mark.parametrize("webhook_id", ["0", "-1", "999999999999999999999999", "x", "1.0", "\u0661"])
def test_one_that_is_not_there(house: Expedite, anna: Someone, webhook_id: str) -> None:
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
    ):
        assert ask(house, method, f"/webhooks/{webhook_id}{path}", {}, anna).status_code == 404


def test_there_is_room_for_so_many(house: Expedite, anna: Someone) -> None:
    make(house, URL)
    house.query(
        "insert into webhooks (url, events, secret)"
        " select url, events, secret from webhooks, generate_series(2, %s)",
        MAX_WEBHOOKS,
    )
    with pytest.raises(TooMany):
        make(house, URL)
    assert ask(house, "POST", "/webhooks", {"url": URL}, anna).status_code == 409
    assert len(ask(house, "GET", "/webhooks", who=anna).json()["items"]) == MAX_WEBHOOKS


def test_a_secret_is_rotated_and_the_old_one_ends(house: Expedite, anna: Someone) -> None:
    made = make(house, URL)
    path = f"/webhooks/{made['id']}"
    rotated = ask(house, "POST", f"{path}/rotate-secret", None, anna).json()
    assert rotated["secret"] not in (None, made["secret"])
    [(secret, old, hours)] = house.query(
        "select secret, old_secret, round(extract(epoch from old_secret_ends_at - now()) / 3600) from webhooks"
    )
    assert bytes(old) != bytes(secret)
    assert hours == 24
    assert rotated["old_secret_ends_at"]
    assert "secret" not in webhook(house, made["id"])
    ended = ask(house, "PATCH", path, {"old_secret_ends_at": None}, anna)
    assert ended.json()["old_secret_ends_at"] is None
    assert house.query("select old_secret from webhooks") == [(None,)]
    with house.rpc() as rpc:
        assert rpc.notifier_service.rotate_webhook_secret(made["id"], {"old_secret_seconds": 0})[
            "old_secret_ends_at"
        ] is None  # fmt: skip
    for body in ({"old_secret_seconds": -1}, {"old_secret_seconds": 604801}, {"secret": "whsec_AAAA"}, []):
        assert ask(house, "POST", f"{path}/rotate-secret", body, anna).status_code == 422


def test_no_secret_and_no_url_stands_in_a_log(house: Expedite, anna: Someone) -> None:
    url = f"{URL}/only-its-receiver-knows"
    made = ask(house, "POST", "/webhooks", {"url": url}, anna).json()
    rotated = ask(house, "POST", f"/webhooks/{made['id']}/rotate-secret", None, anna).json()
    ask(house, "POST", "/webhooks", {"url": url, "description": 7}, anna)
    ask(house, "DELETE", f"/webhooks/{made['id']}", who=anna)
    eventually(lambda: [line for process in house.processes for line in process.actions("webhook_removed")])
    written = "\n".join(line for process in house.processes for line in process.lines)
    for secret in (made["secret"], rotated["secret"], "only-its-receiver-knows", "till.example"):
        assert secret not in written


def test_what_waits_for_one_that_goes_or_is_switched_off_is_dropped(house: Expedite, anna: Someone) -> None:
    for method, body, why in (
        ("PATCH", {"enabled": False}, "the webhook was switched off"),
        ("DELETE", None, "the webhook was taken away"),
    ):
        made = make(house, URL)
        house.query(
            "insert into notification_deliveries (event_id, channel, kind, recipient, next_attempt_at)"
            " values (gen_random_uuid(), 'webhook', 'order_status_changed', %s, now() + interval '1 hour')",
            str(made["id"]),
        )
        assert ask(house, method, f"/webhooks/{made['id']}", body, anna).status_code == 200
        assert deliveries(house, made) == [("dropped", 0, why)]
    with pytest.raises(NotFound):
        webhook(house, made["id"])


def test_one_is_switched_on_again(house: Expedite, anna: Someone) -> None:
    made = make(house, URL)
    path = f"/webhooks/{made['id']}"
    off = ask(house, "PATCH", path, {"enabled": False}, anna).json()
    assert (off["enabled"], off["switched_off_because"]) == (False, "by hand")
    assert off["switched_off_at"]
    house.query("update webhooks set failures = 20, failing_since = now() - interval '4 days'")
    on = ask(house, "PATCH", path, {"enabled": True}, anna).json()
    made.pop("secret")
    assert on == made
    assert house.query("select failures from webhooks") == [(0,)]


def test_one_test_waits_at_a_time(house: Expedite, anna: Someone) -> None:
    """Its receiver cannot be reached from here, so a first one may be over soon: one that waits is put there."""
    made = make(house, URL)
    house.query(
        "insert into notification_deliveries (event_id, channel, kind, recipient, next_attempt_at)"
        " values (gen_random_uuid(), 'webhook', 'test', %s, now() + interval '1 hour')",
        str(made["id"]),
    )
    answer = ask(house, "POST", f"/webhooks/{made['id']}/test", None, anna)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    with house.rpc() as rpc, pytest.raises(TooManyRequests):
        rpc.notifier_service.test_webhook(made["id"])
    house.query("delete from notification_deliveries where recipient = %s", str(made["id"]))
    answer = ask(house, "POST", f"/webhooks/{made['id']}/test", None, anna)
    assert answer.status_code == 202
    assert answer.json()["status"] == "waiting"
