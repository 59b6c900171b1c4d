"""The OpenAPI documents: each route is in them, they are valid, and what they show keeps what they say."""

import copy
import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from common import errors
from common.api import Api, problems
from common.api.document import routes_of
from common.errors import Refusal
from common.pages import docs_view
from kitchen_service import KitchenService
from kitchen_service.api import API as KITCHEN
from notifier_service import NotifierService
from notifier_service.api import API as NOTIFIER
from order_service import OrderService
from order_service.accounts import account_forms
from order_service.api import API as ORDER
from order_service.menu import dish_form
from order_service.orders import order_form
from tests.support.expedite import ROOT
from tracking_service import TrackingService
from tracking_service.api import API as TRACKING

SERVICES: dict[Any, Api] = {
    OrderService: ORDER,
    KitchenService: KITCHEN,
    TrackingService: TRACKING,
    NotifierService: NOTIFIER,
}
DOCUMENTS = {service.name: api.openapi(service, "http://127.0.0.1:3000") for service, api in SERVICES.items()}
#: What no route answers: the address is wrong.
OF_NO_ROUTE = {errors.MethodNotAllowed, errors.StillOpen}


def validator(document: dict[str, Any], schema: Any) -> jsonschema.Draft202012Validator:
    """Of a schema that stands in the document."""
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


def contents(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in it that has a schema and examples."""
    if isinstance(value, dict):
        if "schema" in value and ("example" in value or "examples" in value):
            yield value
        for each in value.values():
            yield from contents(each)
    elif isinstance(value, list):
        for each in value:
            yield from contents(each)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_described_and_nothing_else(service: Any) -> None:
    assert {name for name, _ in routes_of(service)} == set(SERVICES[service].routes)


def test_a_service_that_starts_loads_nothing_of_it() -> None:
    loaded = ", ".join(f"{service.name}.service" for service in SERVICES)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import sys, {loaded}; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    modules = set(done.stdout.split())
    assert "order_service.orders.orders" in modules
    assert modules & {"apispec", "common.api", "order_service.api", "tracking_service.api"} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_that_reads_a_body_or_a_query_says_what_it_takes(service: Any) -> None:
    for name, entrypoint in routes_of(service):
        route, takes = SERVICES[service].routes[name], inspect.signature(getattr(service, name)).parameters
        assert (route.body is not None) == ("body" in takes), name
        assert bool(route.query) == ("query" in takes), name
        assert bool(route.events) == ("after" in takes), name
        assert ("Idempotency-Key" in [each.name for each in route.headers]) == ("idempotency_key" in takes), name
        assert entrypoint.content_type is None or isinstance(route.answer, str), name


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_openapi_and_its_schemas_are_json_schema(name: str) -> None:
    from schemathesis.specs.openapi.definitions import OPENAPI_31

    document = DOCUMENTS[name]
    jsonschema.Draft202012Validator(OPENAPI_31).validate(document)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_shown_keeps_its_schema(name: str) -> None:
    document, shown = DOCUMENTS[name], 0
    for content in contents(document):
        examples = [content["example"]] if "example" in content else []
        examples += [each["value"] for each in content.get("examples", {}).values()]
        for example in examples:
            validator(document, content["schema"]).validate(example)
            shown += 1
    assert shown > 5


@pytest.mark.parametrize("name", DOCUMENTS)
def test_answers_have_no_members_that_are_not_described(name: str) -> None:
    for title, schema in DOCUMENTS[name]["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert "additionalProperties" in schema, title


def test_every_refusal_has_a_document_with_its_members() -> None:
    refusals = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Refusal)} - {
        Refusal
    }
    known = [response for document in DOCUMENTS.values() for response in document["components"]["responses"]]
    for refusal in refusals:
        shape = problems.shape_of(refusal)
        jsonschema.Draft202012Validator(shape.schema).validate(shape.examples[0])
        assert refusal in OF_NO_ROUTE or any(refusal.__name__ in name.split("Or") for name in known), refusal


BODIES: list[tuple[str, Any, dict[str, Any], dict[str, list[Any]]]] = [
    (
        "OrderOfItems",
        order_form.ORDER,
        {
            "customer_name": "Ada Lovelace",
            "order_type": "dine_in",
            "table_number": 7,
            "items": [{"name": "Pizza", "quantity": 1, "price": 9.5}],
        },
        {
            "customer_name": ["", "x" * 101, 5, "R2-D2"],
            "order_type": ["pickup", None],
            "table_number": [0, 101, "7", 1.5, None],
            "delivery_address": ["short", "12 Harbour Street, flat 3"],
            "notification_email": ["nobody", 5],
            "allergies": [["cats"], "nuts"],
            "items": [
                [],
                [{"name": "Pizza", "quantity": 1, "price": 9.5}] * 21,
                [{"name": "", "quantity": 1}],
                [{"name": "Pizza", "quantity": 11}],
                [{"name": "Pizza", "quantity": 1, "price": 0}],
                [{"name": "Pizza", "quantity": 1, "note": "x" * 141}],
                [{"name": "Pizza"}],
                [{"name": "Pizza", "quantity": 1, "tip": 1}],
            ],
            "tip": [1],
        },
    ),
    (
        "NewDish",
        dish_form.NEW_DISH,
        {"name": "Paloma", "category": "cocktail", "price": 10.5},
        {
            "name": ["", "a/b", "x" * 51, None],
            "category": ["", 5],
            "price": [0, 1000, "9"],
            "build": ["thrown"],
            "ingredients": [[{"name": "Tequila"}], "none"],
            "prep_seconds": [0, 3601],
            "available": ["yes", None],
        },
    ),
    (
        "Registration",
        account_forms.REGISTRATION,
        {"email": "ada@example.com", "username": "ada", "password": "analytical engine"},
        {"email": ["ada", None], "username": ["", "a<b", "x" * 51], "password": ["short", 5, "x" * 201]},
    ),
    ("Role", account_forms.ROLE, {"role": "admin"}, {"role": ["king", None]}),
]


@pytest.mark.parametrize(("name", "form", "body", "wrong"), BODIES, ids=[each[0] for each in BODIES])
def test_what_a_form_takes_or_refuses_so_does_the_document(
    name: str, form: Any, body: dict[str, Any], wrong: dict[str, list[Any]]
) -> None:
    document = DOCUMENTS["order_service"]
    check = validator(document, document["components"]["schemas"][name])
    assert check.is_valid(body)
    assert form.validate(body) == {}
    for field, values in wrong.items():
        for value in values:
            broken = {**copy.deepcopy(body), field: value}
            assert form.validate(broken), broken
            assert not check.is_valid(broken), broken


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_shows_each_route_with_a_command_line(name: str) -> None:
    document = DOCUMENTS[name]
    view = docs_view.of(document)
    shown = [each for operations in view.sections.values() for each in operations]
    assert {(each.path, each.method.lower()) for each in shown} == {
        (path, method) for path, operations in document["paths"].items() for method in operations
    }
    for each in shown:
        assert each.summary
        assert each.curl.startswith("curl ")
        assert each.curl.count("'") % 2 == 0
    assert {problem.status for problem in view.always} >= {"400", "500", "503"}
