"""The message contracts, judged by a validator that Expedite does not run with."""

import copy
import dataclasses
from typing import Any

import jsonschema
import pytest

from common.orders import events
from common.orders.allergens import ALLERGENS
from common.orders.messages import Message, OrderPlaced, StatusChanged
from kitchen_service import tickets
from order_service.orders import order_form

CONTRACTS = {event: events.contract(event) for event in ("order_placed", "order_status_changed")}
EXAMPLES = [
    pytest.param(event, example, id=f"{event}-{example['order_number']}")
    for event, schema in CONTRACTS.items()
    for example in schema["examples"]
]
MEMBERS = {
    "order_placed": {
        "order_number",
        "customer_name",
        "order_type",
        "table_number",
        "delivery_address",
        "items",
        "total_amount",
        "priority",
        "prep_seconds",
        "placed_at",
    },
    "order_status_changed": {
        "order_number",
        "order_type",
        "old_status",
        "new_status",
        "changed_by",
        "timestamp",
        "estimated_completion",
        "reason",
        "sequence",
    },
}
ALWAYS = {"event_id", "request_id", "schema_version"}
#: Members that messages of before do not have.
LATER = {"order_placed": {"allergies"}, "order_status_changed": set[str]()}

BROKEN: dict[str, list[tuple[str, Any]]] = {
    "order_placed": [
        ("event_id", 5),
        ("request_id", ""),
        ("request_id", "x" * 65),
        ("schema_version", 2),
        ("order_number", "ORD_20261122_01"),
        ("order_number", "ORD-20261122-001"),
        ("customer_name", ""),
        ("customer_name", "x" * 101),
        ("order_type", "pickup"),
        ("table_number", 0),
        ("table_number", 101),
        ("table_number", "5"),
        ("delivery_address", "short"),
        ("items", []),
        ("items", [{"name": "Pizza", "quantity": 1}]),
        ("items", [{"name": "Pizza", "quantity": 0, "price": 1}]),
        ("items", [{"name": "Pizza", "quantity": 1.5, "price": 1}]),
        ("items", [{"name": "Pizza", "quantity": 1, "price": 0}]),
        ("items", [{"name": "Pizza", "quantity": 1, "price": 1000}]),
        ("items", [{"name": "Pizza", "quantity": 1, "price": 1}] * 21),
        ("items", [{"name": "Pizza", "quantity": 1, "price": 1, "note": ""}]),
        ("items", [{"name": "Pizza", "quantity": 1, "price": 1, "note": "x" * 141}]),
        ("items", [{"name": "Pizza", "quantity": 1, "price": 1, "note": ["x"]}]),
        ("allergies", None),
        ("allergies", "nuts"),
        ("allergies", ["cats"]),
        ("allergies", ["nuts", "nuts"]),
        ("total_amount", 0),
        ("total_amount", "31.98"),
        ("priority", 7),
        ("prep_seconds", -1),
        ("placed_at", "2026-11-22 18:30:00"),
        ("placed_at", "2026-11-22T18:30:00.250+00:00"),
    ],
    "order_status_changed": [
        ("old_status", "completed"),
        ("new_status", "eaten"),
        ("new_status", "burnt"),
        ("changed_by", ""),
        ("changed_by", None),
        ("timestamp", 1795372200),
        ("estimated_completion", 5),
        ("reason", 5),
        ("sequence", 1),
        ("sequence", "2"),
    ],
}


def is_kept(event: str, body: Any) -> tuple[bool, bool]:
    """Whether `body` keeps the contract, by jsonschema and by the check that Expedite makes."""
    by_jsonschema = jsonschema.Draft7Validator(CONTRACTS[event]).is_valid(body)
    try:
        events.check(event, body)
    except events.ContractBroken:
        return by_jsonschema, False
    return by_jsonschema, True


@pytest.mark.parametrize("event", CONTRACTS)
def test_a_contract_is_a_schema_that_names_every_member(event: str) -> None:
    schema = CONTRACTS[event]
    jsonschema.Draft7Validator.check_schema(schema)
    assert set(schema["required"]) == MEMBERS[event] | ALWAYS
    assert set(schema["properties"]) == MEMBERS[event] | ALWAYS | LATER[event]
    assert len(schema["examples"]) >= 2


@pytest.mark.parametrize(("event", "example"), EXAMPLES)
def test_examples_keep_their_contract(event: str, example: dict[str, Any]) -> None:
    assert is_kept(event, example) == (True, True)


@pytest.mark.parametrize(("event", "example"), EXAMPLES)
def test_a_body_that_misses_a_member_is_refused(event: str, example: dict[str, Any]) -> None:
    for member in MEMBERS[event] | ALWAYS:
        body = {name: value for name, value in example.items() if name != member}
        assert is_kept(event, body) == (False, False), member


@pytest.mark.parametrize(
    ("event", "member", "value"), [(event, *each) for event, changes in BROKEN.items() for each in changes]
)
def test_a_member_that_is_wrong_is_refused_and_named(event: str, member: str, value: Any) -> None:
    body = {**copy.deepcopy(CONTRACTS[event]["examples"][0]), member: value}
    assert is_kept(event, body) == (False, False)
    with pytest.raises(events.ContractBroken, match=member):
        events.check(event, body)


@pytest.mark.parametrize("body", [None, [], "order", 5, {}, True])
@pytest.mark.parametrize("event", CONTRACTS)
def test_what_is_no_such_object_is_refused(event: str, body: Any) -> None:
    assert is_kept(event, body) == (False, False)


@pytest.mark.parametrize(("event", "example"), EXAMPLES)
def test_a_member_of_tomorrow_is_taken(event: str, example: dict[str, Any]) -> None:
    assert is_kept(event, {**example, "tip": 2.5}) == (True, True)


def test_the_kitchen_sorts_by_members_of_the_contract() -> None:
    early, late = CONTRACTS["order_placed"]["examples"]
    assert tickets.urgency(late["priority"], late) < tickets.urgency(early["priority"], early)


@pytest.mark.parametrize("message", [OrderPlaced, StatusChanged])
def test_a_message_has_a_field_for_each_property_of_its_contract(message: type[Message]) -> None:
    names = [field.name for field in dataclasses.fields(message)]
    assert set(names) == set(CONTRACTS[message.event]["properties"])
    for example in CONTRACTS[message.event]["examples"]:
        expected = copy.deepcopy(example)
        if message is OrderPlaced:
            expected = {
                "allergies": (),
                **expected,
                "items": [{"note": None, **item} for item in expected["items"]],
            }
        assert dataclasses.asdict(message.read({**example, "tip": 2.5})) == expected


def test_a_ticket_from_before_there_were_notes_and_allergies_has_none() -> None:
    old, new = CONTRACTS["order_placed"]["examples"]
    assert "allergies" not in old
    assert "note" not in old["items"][0]
    assert list(OrderPlaced.read(old).allergies) == []
    assert [item["note"] for item in OrderPlaced.read(old).items] == [None]
    assert list(OrderPlaced.read(new).allergies) == ["eggs", "nuts"]
    assert [item["note"] for item in OrderPlaced.read(new).items] == [None, "no gorgonzola on one, please"]


def test_a_ticket_does_not_show_what_is_personal() -> None:
    ticket = CONTRACTS["order_placed"]["examples"][1]
    shown = f"{OrderPlaced.read(ticket)}"
    assert ticket["order_number"] in shown
    assert not [word for word in ("Zoë", "Harbour", "gorgonzola", "eggs", "nuts") if word in shown]


def test_a_ticket_may_say_what_an_order_may() -> None:
    members = CONTRACTS["order_placed"]["properties"]
    assert tuple(members["allergies"]["items"]["enum"]) == ALLERGENS
    assert members["allergies"]["maxItems"] == len(ALLERGENS)
    assert members["items"]["items"]["properties"]["note"]["maxLength"] == order_form.MAX_NOTE


@pytest.mark.parametrize("message", [OrderPlaced, StatusChanged])
def test_what_breaks_its_contract_is_no_message(message: type[Message]) -> None:
    with pytest.raises(events.ContractBroken, match="order_number"):
        message.read({**CONTRACTS[message.event]["examples"][0], "order_number": "none"})
