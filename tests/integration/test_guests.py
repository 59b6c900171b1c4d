"""What a guest sees and may do, with the secret of the tracking link and without it."""

import base64
import hmac
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.expedite import PIZZA, SECRET_KEY, Expedite, an_order

ADDRESS = "12 Harbour Street, flat 3"
NOTE = "no basil – it is for a child"
ALLERGIES = ["fish", "celery"]
STATUS_ONLY = {"order_number", "status", "updated_at", "estimated_completion"}


@pytest.fixture(scope="module")
def door(running: Expedite) -> str:
    return running.start("order_service").url


@pytest.fixture
def placed(running: Expedite, door: str) -> dict[str, Any]:
    return running.place(
        order_type="delivery",
        delivery_address=ADDRESS,
        customer_name="Zoë O’Brien",
        items=[{**PIZZA, "note": NOTE}, PIZZA],
        allergies=ALLERGIES,
    )


@pytest.fixture
def key(placed: dict[str, Any]) -> str:
    return urlsplit(placed["tracking_url"]).query.removeprefix("key=")


def cancelled(door: str, number: str, body: Any = None, **query: str) -> requests.Response:
    return requests.post(f"{door}/orders/{number}/cancel", json=body, params=query, timeout=5)


def test_the_answer_to_an_order_says_where_it_is(running: Expedite, door: str) -> None:
    answer = requests.post(f"{door}/orders", json=an_order(), headers={"X-Request-ID": "till-7"}, timeout=5)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"] == "till-7"
    placed = answer.json()
    assert set(placed) == {
        "order_number",
        "status",
        "total_amount",
        "priority",
        "estimated_completion",
        "tracking_url",
    }
    assert (placed["status"], placed["total_amount"], placed["priority"]) == ("received", 15.99, 1)
    assert '"total_amount":15.99,' in answer.text
    assert answer.headers["Location"] == f"/orders/{placed['order_number']}"
    tracker = running.url("tracking_service")
    assert placed["tracking_url"].startswith(f"{tracker}/track/{placed['order_number']}?key=")


def test_whoever_has_the_link_reads_the_order_in_full(running: Expedite, placed: dict[str, Any]) -> None:
    order = requests.get(running.with_key(placed), timeout=5).json()
    assert order["customer_name"] == "Zoë O’Brien"
    assert order["delivery_address"] == ADDRESS
    assert order["items"] == [{**PIZZA, "note": NOTE}, {**PIZZA, "note": None}]
    assert order["allergies"] == ALLERGIES
    assert order["total_amount"] == 31.98
    assert order["first_estimate"] == placed["estimated_completion"]
    assert (order["order_number"], order["status"]) == (placed["order_number"], "received")


@pytest.mark.parametrize("query", ["", "?key=", "?key=x", "?key=%00", "?key={other}", "?key={key}x", "?Key={key}"])
def test_whoever_only_knows_the_number_gets_the_status(
    running: Expedite, door: str, placed: dict[str, Any], key: str, query: str
) -> None:
    other = urlsplit(running.place()["tracking_url"]).query.removeprefix("key=")
    url = f"{door}/orders/{placed['order_number']}{query.format(key=key, other=other)}"
    answer = requests.get(url, timeout=5)
    assert answer.status_code == 200
    assert set(answer.json()) == STATUS_ONLY
    assert not [word for word in ("O’Brien", "Harbour", "Margherita", "basil", "celery") if word in answer.text]


def test_a_link_ends_a_month_after_the_order_was_placed(
    running: Expedite, door: str, placed: dict[str, Any], key: str
) -> None:
    number = placed["order_number"]
    running.query("update orders set placed_at = now() - interval '29 days' where number = %s", number)
    assert "customer_name" in requests.get(running.with_key(placed), timeout=5).json()
    running.query("update orders set placed_at = now() - interval '30 days' where number = %s", number)
    assert set(requests.get(running.with_key(placed), timeout=5).json()) == STATUS_ONLY
    assert cancelled(door, number, key=key).status_code == 404


def test_a_link_is_worth_nothing_for_another_order_that_gets_its_number(
    running: Expedite, door: str, placed: dict[str, Any], key: str
) -> None:
    """As after a restore from backup: the number comes again, the nonce does not."""
    number = placed["order_number"]
    running.query("update orders set link_nonce = 'of another order' where number = %s", number)
    assert set(requests.get(running.with_key(placed), timeout=5).json()) == STATUS_ONLY
    assert cancelled(door, number, key=key).status_code == 404
    assert running.status(number) == "received"


def test_the_link_of_an_order_from_before_there_were_nonces_goes_on_working(
    running: Expedite, door: str, placed: dict[str, Any], key: str
) -> None:
    number = placed["order_number"]
    running.query("update orders set link_nonce = null where number = %s", number)
    assert set(requests.get(running.with_key(placed), timeout=5).json()) == STATUS_ONLY
    digest = hmac.digest(SECRET_KEY.encode(), f"tracking:{number}".encode(), "sha256")
    old = f"{door}/orders/{number}?key={base64.urlsafe_b64encode(digest[:18]).decode()}"
    assert requests.get(old, timeout=5).json()["delivery_address"] == ADDRESS
    assert requests.post(old.replace("?key=", "/cancel?key="), timeout=5).status_code == 200


def test_notes_and_allergies_reach_the_kitchen_and_what_is_not_said_is_not_there(
    running: Expedite, placed: dict[str, Any]
) -> None:
    other = running.place_number(order_type="delivery", delivery_address=ADDRESS)
    tickets = eventually(
        lambda: found if {placed["order_number"], other} <= set(found := _tickets(running, "delivery")) else None
    )
    with_notes, without = tickets[placed["order_number"]], tickets[other]
    assert with_notes["items"] == [{**PIZZA, "note": NOTE}, PIZZA]
    assert with_notes["allergies"] == ALLERGIES
    assert without["items"] == [PIZZA]
    assert without["allergies"] == []


def _tickets(running: Expedite, order_type: str) -> dict[str, Any]:
    return {ticket["order_number"]: ticket for ticket in running.tickets(order_type)}


def test_the_nonce_of_a_link_is_told_to_nobody(running: Expedite, placed: dict[str, Any]) -> None:
    number = placed["order_number"]
    [(nonce,)] = running.query("select link_nonce from orders where number = %s", number)
    [ticket] = eventually(lambda: [each for each in running.tickets("delivery") if each["order_number"] == number])
    with running.rpc() as rpc:
        by_the_house = rpc.order_service.get_order(number)
    for told in (placed, requests.get(running.with_key(placed), timeout=5).json(), ticket, by_the_house):
        assert nonce not in str(told)
        assert not [name for name in told if "nonce" in name]


def test_the_customer_cancels_with_a_reason_and_cancelling_again_changes_nothing(
    running: Expedite, door: str, placed: dict[str, Any], key: str
) -> None:
    number = placed["order_number"]
    first = cancelled(door, number, {"reason": "changed my mind – sorry"}, key=key)
    again = cancelled(door, number, {"reason": "another"}, key=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.json()["status"] == "cancelled"
    assert requests.get(running.with_key(placed), timeout=5).json()["reason"] == "changed my mind – sorry"
    assert running.history(number) == ["received", "cancelled"]


@pytest.mark.parametrize("body", [None, {}, {"reason": "x" * 500}])
def test_a_reason_may_be_left_out(
    running: Expedite, door: str, placed: dict[str, Any], key: str, body: Any
) -> None:
    assert cancelled(door, placed["order_number"], body, key=key).status_code == 200
    assert running.status(placed["order_number"]) == "cancelled"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ("reason", ""),
        (5, ""),
        (True, ""),
        ({"reason": ""}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": 5}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"reason": "a\x00"}, "reason"),
        ({"reason": "x", "refund": True}, "refund"),
        ({"why": "x"}, "why"),
    ],
    ids=str,
)
def test_a_reason_that_is_none_is_refused(
    running: Expedite, door: str, placed: dict[str, Any], key: str, body: Any, field: str
) -> None:
    answer = cancelled(door, placed["order_number"], body, key=key)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert running.status(placed["order_number"]) == "received"


@pytest.mark.parametrize("query", [{}, {"key": ""}, {"key": "x" * 24}])
def test_without_the_secret_an_order_cannot_be_cancelled_nor_told_from_none(
    running: Expedite, door: str, placed: dict[str, Any], query: dict[str, str]
) -> None:
    known = cancelled(door, placed["order_number"], **query)
    unknown = cancelled(door, "ORD_20200101_001", **query)
    assert (known.status_code, unknown.status_code) == (404, 404)
    assert known.json()["detail"] == unknown.json()["detail"]
    assert running.status(placed["order_number"]) == "received"


@pytest.mark.parametrize("status", ["cooking", "ready", "out_for_delivery", "completed", "failed"])
def test_what_cooks_or_is_done_is_not_the_customers_to_cancel(
    running: Expedite, door: str, placed: dict[str, Any], key: str, status: str
) -> None:
    running.query("update orders set status = %s where number = %s", status, placed["order_number"])
    answer = cancelled(door, placed["order_number"], key=key)
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["current_status"], answer.json()["allowed"]) == (status, [])
    assert running.status(placed["order_number"]) == status


def test_no_secret_and_no_person_stands_in_a_log_line(
    running: Expedite, door: str, placed: dict[str, Any], key: str
) -> None:
    requests.get(running.with_key(placed), timeout=5)
    cancelled(door, placed["order_number"], {"reason": "allergic to gluten"}, key=key)
    refused = an_order(delivery_address=ADDRESS, items=[{**PIZZA, "note": f"{NOTE}\n!"}], allergies=["walnuts"])
    answer = requests.post(f"{door}/orders", json=refused, headers={"X-Request-ID": "the-last"}, timeout=5)
    assert answer.status_code == 422
    [process] = running.processes
    eventually(lambda: "the-last" in {line["request_id"] for line in process.actions("request_received")})
    text = "\n".join(process.lines)
    assert placed["order_number"] in text
    password = running.database_url.partition("expedite:")[2].partition("@")[0]
    broker_password = urlsplit(running.amqp_uri).password
    persons = (ADDRESS, "Harbour", "O’Brien", "gluten", "basil", "celery", "walnuts")
    for secret in (key, SECRET_KEY, password, broker_password, *persons):
        assert secret
        assert secret not in text
