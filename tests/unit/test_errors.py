"""A refusal as HTTP shows it, and as an RPC caller gets it."""

import json
from typing import Any

import pytest
from nameko.exceptions import deserialize, serialize

from common import codec, errors

STATUS_AND_CODE = {
    errors.Malformed: (400, "malformed"),
    errors.Invalid: (422, "validation_failed"),
    errors.NotFound: (404, "not_found"),
    errors.MethodNotAllowed: (405, "method_not_allowed"),
    errors.IllegalMove: (409, "illegal_move"),
    errors.TooLarge: (413, "too_large"),
    errors.WrongMediaType: (415, "wrong_media_type"),
    errors.Unavailable: (503, "unavailable"),
    errors.Broken: (500, "internal_error"),
}
REFUSALS = [pytest.param(cls, id=cls.__name__) for cls in STATUS_AND_CODE]
FIELDS = [{"field": "items[1].price", "message": "Missing."}, {"field": "", "message": "Unknown."}]


@pytest.mark.parametrize("cls", REFUSALS)
def test_a_refusal_is_a_problem_document(cls: type[errors.Refusal]) -> None:
    problem = json.loads(codec.dumps(cls("Because.").problem("till-7")))
    status, code = STATUS_AND_CODE[cls]
    assert problem == {
        "type": f"urn:expedite:problem:{code}",
        "title": cls.title,
        "status": status,
        "detail": "Because.",
        "code": code,
        "request_id": "till-7",
    }


def test_validation_names_every_field() -> None:
    problem = errors.Invalid.fields(FIELDS).problem("till-7")
    assert problem["errors"] == FIELDS
    assert "items[1].price" in problem["detail"]
    assert "body" in problem["detail"]


def test_an_illegal_move_says_where_the_order_is_and_where_it_can_go() -> None:
    problem = errors.IllegalMove.of("ORD_20261122_001", "ready", "cancelled", ("cooking", "completed")).problem(
        "x"
    )
    assert problem["current_status"] == "ready"
    assert problem["allowed"] == ["cooking", "completed"]


@pytest.mark.parametrize(
    ("refusal", "headers"),
    [
        (errors.Unavailable("Later."), {"Retry-After": "2"}),
        (errors.MethodNotAllowed("Try GET.", {"allow": ["GET", "HEAD"]}), {"Allow": "GET, HEAD"}),
        (errors.NotFound("Where?"), {}),
    ],
)
def test_headers_that_go_with_an_answer(refusal: errors.Refusal, headers: dict[str, str]) -> None:
    assert refusal.headers == headers


@pytest.mark.parametrize("cls", REFUSALS)
@pytest.mark.parametrize("extra", [{}, {"errors": FIELDS, "current_status": "ready", "allowed": ["cooking"]}])
def test_a_refusal_crosses_the_wire_with_its_fields(cls: type[errors.Refusal], extra: dict[str, Any]) -> None:
    sent = json.loads(json.dumps(serialize(cls("Because.", extra))))
    received = deserialize(sent)
    assert type(received) is cls
    assert received.problem("x") == cls("Because.", extra).problem("x")
    assert str(received) == f"{cls.title}: Because."
