"""What services answer to programs, as documents and as pages: served, kept, and with command lines that work."""

import html
import json
import re
import subprocess
from typing import Any

import pytest
import requests

from common.orders import events
from order_service import asyncapi
from tests.support import people
from tests.support.expedite import Expedite, an_order
from tests.support.html import read
from tests.support.people import Someone

SERVICES = ("order_service", "tracking_service", "kitchen_service", "notifier_service")


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", wait=False, **people.NO_LIMITS)
    running.start("tracking_service", wait=False)
    running.start("notifier_service", wait=False)
    running.start_worker("pass", wait=False, COOKING="staffed")
    for process in running.processes:
        process.wait_ready()
    return running


def name_of(service: str) -> str:
    return service.removesuffix("_service")


@pytest.mark.parametrize("service", SERVICES)
def test_a_document_is_served_under_both_of_its_addresses_and_not_sent_twice(
    house: Expedite, service: str
) -> None:
    url = f"{house.url(service)}/openapi.json"
    answer = requests.get(url, timeout=15)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["servers"] == [{"url": house.url(service)}]
    assert answer.headers["Content-Encoding"] == "gzip"
    again = requests.get(url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=15)
    assert (again.status_code, again.content) == (304, b"")
    long = requests.get(f"{house.url(service)}/openapi/{name_of(service)}.json", timeout=15)
    assert long.json() == answer.json()


@pytest.mark.parametrize("address", ["/openapi/kitchen.json", "/openapi/order_service.json", "/docs/kitchen"])
def test_a_service_has_no_other_ones_document(house: Expedite, address: str) -> None:
    assert requests.get(house.url("order_service") + address, timeout=15).status_code == 404


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_shows_every_route_and_loads_nothing_from_elsewhere(house: Expedite, service: str) -> None:
    document = requests.get(f"{house.url(service)}/openapi.json", timeout=15).json()
    answer = requests.get(f"{house.url(service)}/docs", headers={"Accept": "text/html"}, timeout=15)
    assert answer.status_code == 200
    assert requests.get(f"{house.url(service)}/docs/{name_of(service)}", timeout=15).text.count("<article") > 3
    page = read(answer.text)
    shown = {article.attributes["id"] for article in page.all("article")}
    assert shown == {
        operation["operationId"] for operations in document["paths"].values() for operation in operations.values()
    }
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    ours = tuple(house.url(each) for each in SERVICES)
    assert [each for each in loaded if not each.startswith(("/static/", *ours))] == []


def test_events_are_described_by_their_contracts(house: Expedite) -> None:
    answer = requests.get(f"{house.url('order_service')}/asyncapi.json", timeout=15)
    document = answer.json()
    assert document == asyncapi.document()
    assert document["asyncapi"] == "3.0.0"
    for event, message in document["components"]["messages"].items():
        contract = events.contract(event)
        assert [example["payload"] for example in message["examples"]] == contract.pop("examples")
        assert message["payload"]["schema"] == contract
    for operation in document["operations"].values():
        for reference in (operation["channel"], *operation["messages"]):
            assert found(document, reference["$ref"])
    exchanges = {
        (channel["bindings"]["amqp"]["exchange"]["name"], channel["address"])
        for channel in document["channels"].values()
    }
    assert exchanges == {
        ("order_service.events", "order_placed.{order_type}"),
        ("order_service.events", "order_status_changed"),
        ("kitchen_service.events", "order_status_changed"),
    }


def found(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


#: In which status an order has to be for a command line about it; received, where nothing is said.
NEEDS = {
    "ready_order": "cooking",
    "dispatch_order": "ready",
    "complete_order": "ready",
    "recall_order": "ready",
}
#: What is typed by Ada, who has registered a moment before, and whose sign-in it ends.
HERS = {"change_password", "change_address", "logout", "logout_everywhere"}
#: What takes a letter, or a house that sends some.
BY_MAIL = {
    "finish_registration",
    "forgot_password",
    "reset_password",
    "change_address",
    "confirm_address",
    "unsubscribe",
}


def new_webhook(house: Expedite, admin: Someone) -> int:
    url, body = f"{house.url('notifier_service')}/webhooks", {"url": "https://till.example/expedite"}
    answer = requests.post(url, json=body, headers=admin.headers, timeout=15)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def new_delivery(house: Expedite) -> int:
    """One that is over."""
    return int(
        house.query(
            "insert into notification_deliveries (event_id, channel, kind, recipient, status)"
            " values (gen_random_uuid(), 'email', 'register', 'ada@example.com', 'sent') returning id"
        )[0][0]
    )


def typed_in(line: str, given: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["bash", "-c", line], env=given, capture_output=True, text=True, timeout=30, check=False)


def test_every_command_line_of_the_pages_works(house: Expedite) -> None:
    admin = people.register(house, "anna", "admin")
    other = people.register(house, "otto")
    headers, ada = admin.headers, "analytical engine"
    dish = {"name": "Margarita", "category": "cocktail", "price": 11.5}
    for service in SERVICES:
        page = requests.get(f"{house.url(service)}/docs", timeout=15).text
        document = requests.get(f"{house.url(service)}/openapi.json", timeout=15).json()
        streams = {
            each["operationId"]
            for operations in document["paths"].values()
            for each in operations.values()
            if "x-events" in each
        }
        for route, typed in re.findall(
            r'<article id="(\w+)".*?aria-label="Example"><code>(.*?)</code>', page, re.S
        ):
            if route == "add_dish":
                requests.delete(f"{house.url('order_service')}/menu/Paloma", headers=headers, timeout=15)
            elif route in ("change_dish", "remove_dish"):
                requests.post(f"{house.url('order_service')}/menu", json=dish, headers=headers, timeout=15)
            elif route == "dispatch_order":
                placed = house.place(order_type="delivery", delivery_address="12 Harbour Street")
            placed = placed if route == "dispatch_order" else house.place(**an_order())
            number = placed["order_number"]
            house.query(
                "update orders set status = %s, completed_at = now() where number = %s",
                NEEDS.get(route, "received"),
                number,
            )
            token = admin.token
            if route in HERS:
                body = {"email": "ada@example.com", "password": ada}
                answer = requests.post(f"{house.url('order_service')}/login", json=body, timeout=15)
                token = answer.json()["token"]
                ada = "difference engine" if route == "change_password" else ada
            given = {
                "TOKEN": token,
                "ORDER": number,
                "KEY": placed["tracking_url"].rpartition("key=")[2],
                "USER_ID": str(other.id),
                "WEBHOOK_ID": str(new_webhook(house, admin) if "webhook" in route else 0),
                "DELIVERY_ID": str(new_delivery(house)),
                "PATH": "/usr/bin:/bin",
            }
            limit = "--max-time 2 " if route in streams else ""
            line = html.unescape(typed).replace("curl ", f"curl -s {limit}-w '\\n%{{http_code}}' ", 1)
            done = typed_in(line, given)
            body, _, status = done.stdout.rpartition("\n")
            expected = ("404", "410") if route in BY_MAIL else ("200", "201", "202")
            assert status in expected, f"{service} {route}: {line}\n{done.stdout}{done.stderr}"
            if route in streams:
                assert body.startswith("retry:")
            elif route not in ("read_metrics", "dashboard_sheet"):
                json.loads(body)
