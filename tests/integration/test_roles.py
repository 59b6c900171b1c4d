"""Every route, asked by everybody. Who gets what stands in the table; a route that is missing from it fails."""

import inspect
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from nameko.rpc import Rpc

from common.accounts import tokens
from common.errors import Invalid, Refusal, Unauthorized
from common.http import HttpEntrypoint
from kitchen_service import KitchenService
from notifier_service import NotifierService
from order_service import OrderService
from order_service.menu.catalogue import tag
from tests.support.expedite import SECRET_KEY, Expedite, an_order
from tests.support.people import NO_LIMITS, PASSWORD, Someone, register
from tests.support.people import request as send
from tracking_service import TrackingService

SERVICES = (OrderService, KitchenService, TrackingService, NotifierService)

#: Who asks. `customer` is whose order it is; the last three hold tokens that are worth nothing (any more).
ASKING = ("nobody", "customer", "other", "employee", "admin", "expired", "forged", "role_changed")

EVERYBODY = (200,) * 8
CREATED = (201,) * 8
STAFF = (401, 403, 403, 200, 200, 401, 401, 401)
ADMINS = (401, 403, 403, 403, 200, 401, 401, 401)
FORM_TYPE = "application/x-www-form-urlencoded"
#: Of a house that sends no e-mails, as this one; who gets what where they are sent stands in test_by_mail.py.
NO_MAIL = (404,) * 8
THEIRS = (404, 200, 404, 200, 200, 401, 401, 401)
SIGNED_IN = (401, 200, 200, 200, 200, 401, 401, 401)


@dataclass(frozen=True)
class Case:
    """What is sent to a route, and what each of ASKING gets. `order` is the status of the customer's order."""

    expected: tuple[int, ...]
    order: str | None = None
    order_type: str = "takeout"
    body: Callable[["PageRequest"], Any] = lambda asked: None


_DELIVERY = """
    insert into notification_deliveries (event_id, channel, kind, recipient, status, ended_at)
    values (gen_random_uuid(), 'email', 'confirm_address', 'ada@example.com', 'sent', now()) returning id
"""


@dataclass
class PageRequest:
    """What the requests of one case are about."""

    running: Expedite
    people: dict[str, Someone]

    def new_name(self) -> str:
        return f"thing {uuid.uuid4().hex[:12]}"


def _dish(asked: PageRequest) -> dict[str, Any]:
    return {"name": asked.new_name(), "category": "drink", "price": 3.5}


def _webhook(asked: PageRequest) -> dict[str, Any]:
    return {"url": "https://till.example/", "description": asked.new_name()}


def _registration(asked: PageRequest) -> dict[str, Any]:
    name = asked.new_name().replace(" ", "-")
    return {"email": f"{name}@example.com", "username": name, "password": PASSWORD}


TABLE = {
    "POST /orders": Case((201, 201, 201, 201, 201, 401, 401, 401), body=lambda asked: an_order()),
    "GET /orders": Case(SIGNED_IN),
    "GET /orders/<order_number>": Case(THEIRS, "received"),
    "POST /orders/<order_number>/cancel": Case(THEIRS, "received"),
    "POST /orders/<order_number>/start": Case(STAFF, "received"),
    "POST /orders/<order_number>/ready": Case(STAFF, "cooking"),
    "POST /orders/<order_number>/dispatch": Case(STAFF, "ready", "delivery"),
    "POST /orders/<order_number>/complete": Case(STAFF, "ready"),
    "POST /orders/<order_number>/recall": Case(STAFF, "ready"),
    "POST /orders/<order_number>/front": Case(STAFF, "received"),
    "POST /orders/<order_number>/fail": Case(STAFF, "cooking", body=lambda asked: {"reason": "no lettuce"}),
    "GET /menu": Case(EVERYBODY),
    "POST /menu": Case((401, 403, 403, 201, 201, 401, 401, 401), body=_dish),
    "PATCH /menu/<name>": Case(STAFF, body=lambda asked: {"available": False}),
    "DELETE /menu/<name>": Case(STAFF),
    "POST /register": Case(CREATED, body=_registration),
    "POST /register/finish": Case(NO_MAIL),
    "POST /forgotten-password": Case(NO_MAIL),
    "POST /reset-password": Case(NO_MAIL),
    "PUT /users/me/email": Case(NO_MAIL),
    "POST /new-address": Case(NO_MAIL),
    "POST /login": Case(
        EVERYBODY, body=lambda asked: {"email": asked.people["customer"].email, "password": PASSWORD}
    ),
    # Whose sign-in is over for another reason ends it once more.
    "POST /logout": Case((401, 200, 200, 200, 200, 401, 401, 200)),
    "POST /logout/everywhere": Case(SIGNED_IN),
    "PUT /users/me/password": Case(
        SIGNED_IN, body=lambda asked: {"current_password": PASSWORD, "new_password": "another battery"}
    ),
    "GET /users": Case(ADMINS),
    "PUT /users/<user_id>/role": Case(ADMINS, body=lambda asked: {"role": "employee"}),
    "PUT /users/<user_id>/disabled": Case(ADMINS, body=lambda asked: {"disabled": True}),
    "GET /orders/<order_number>/status": Case(EVERYBODY, "received"),
    "GET /orders/<order_number>/stream": Case(EVERYBODY, "received"),
    "GET /orders/<order_number>/history": Case(EVERYBODY, "received"),
    "GET /lobby/stream": Case(EVERYBODY),
    "GET /dashboard.csv": Case(STAFF),
    "GET /workers/status": Case(EVERYBODY),
    "GET /orders/stuck": Case(EVERYBODY),
    "GET /webhooks": Case(ADMINS),
    "POST /webhooks": Case((401, 403, 403, 403, 201, 401, 401, 401), body=_webhook),
    "GET /webhooks/<webhook_id>": Case(ADMINS),
    "PATCH /webhooks/<webhook_id>": Case(ADMINS, body=lambda asked: {"description": asked.new_name()}),
    "DELETE /webhooks/<webhook_id>": Case(ADMINS),
    "POST /webhooks/<webhook_id>/test": Case((401, 403, 403, 403, 202, 401, 401, 401)),
    "POST /webhooks/<webhook_id>/rotate-secret": Case(ADMINS),
    "GET /deliveries": Case(ADMINS),
    "POST /deliveries/<delivery_id>/send-again": Case(ADMINS),
    # A letter's link is what counts, and this is none.
    "POST /notifications/unsubscribe": Case((410,) * 8),
    "GET /health": Case(EVERYBODY),
    "GET /health/live": Case(EVERYBODY),
    "GET /health/ready": Case(EVERYBODY),
    "GET /metrics": Case(EVERYBODY),
    "GET /static/<service>/<file>": Case(EVERYBODY),
    "GET /openapi.json": Case(EVERYBODY),
    "GET /openapi/<service>.json": Case(EVERYBODY),
    "GET /asyncapi.json": Case(EVERYBODY),
}


def _order_by_page(asked: PageRequest) -> dict[str, Any]:
    """An order's form, of a dish that is on the menu."""
    name = asked.new_name()
    dish = {"name": name, "category": "drink", "price": 3.5}
    assert send(asked.running, "POST", "/menu", dish, asked.people["admin"]).status_code == 201
    return {"customer_name": "Ada Lovelace", "order_type": "takeout", f"q{tag(name)}": "1"}


OPEN = ("200",) * 8
DOOR = ("200", *("303 /",) * 4, *("200",) * 3)
HOME = ("303 /",) * 8
NO_MAIL_PAGE = ("404",) * 8
FOR_STAFF = ("303 /sign-in", "403", "403", "200", "200", *("303 /sign-in",) * 3)
TRACKER = "303 /track/<order_number>"


def by_staff(answer: str) -> tuple[str, ...]:
    return ("303 /sign-in", "403", "403", answer, answer, *("303 /sign-in",) * 3)


def by_admins(answer: str) -> tuple[str, ...]:
    return ("303 /sign-in", "403", "403", "403", answer, *("303 /sign-in",) * 3)


def by_owners(answer: str) -> tuple[str, ...]:
    return ("303 /sign-in", *(answer,) * 4, *("303 /sign-in",) * 3)


@dataclass(frozen=True)
class PageCase:
    """A page, or a form that is sent to one, and what each of ASKING gets in a browser: the status, and the path
    that it leads to."""

    expected: tuple[str, ...]
    order: str | None = None
    order_type: str = "takeout"
    form: Callable[["PageRequest"], dict[str, Any]] = lambda asked: {}


#: A page may have the address of a route of the other table: it is what a browser gets there.
PAGES = {
    "GET /": PageCase(OPEN),
    "GET /docs": PageCase(OPEN),
    "GET /docs/<service>": PageCase(OPEN),
    "POST /": PageCase((*("303 /track/<order_number>",) * 5, *("401",) * 3), form=_order_by_page),
    "GET /estimate": PageCase(OPEN),
    "GET /orders": PageCase(("303 /sign-in", *("200",) * 4, *("303 /sign-in",) * 3)),
    "GET /sign-in": PageCase(DOOR),
    "POST /sign-in": PageCase(
        HOME, form=lambda asked: {"email": asked.people["customer"].email, "password": PASSWORD}
    ),
    "GET /register": PageCase(DOOR),
    "POST /register": PageCase(HOME, form=_registration),
    "GET /register/finish": PageCase(NO_MAIL_PAGE),
    "POST /register/finish": PageCase(NO_MAIL_PAGE),
    "GET /forgotten-password": PageCase(NO_MAIL_PAGE),
    "POST /forgotten-password": PageCase(NO_MAIL_PAGE),
    "GET /reset-password": PageCase(NO_MAIL_PAGE),
    "POST /reset-password": PageCase(NO_MAIL_PAGE),
    "POST /account/address": PageCase(NO_MAIL_PAGE),
    "GET /new-address": PageCase(NO_MAIL_PAGE),
    "POST /new-address": PageCase(NO_MAIL_PAGE),
    "GET /account": PageCase(("303 /sign-in", *("200",) * 4, *("303 /sign-in",) * 3)),
    "POST /account": PageCase(
        ("303 /sign-in", *("303 /account",) * 4, *("303 /sign-in",) * 3),
        form=lambda asked: {"current_password": PASSWORD, "new_password": "another battery"},
    ),
    "POST /account/sign-out-everywhere": PageCase(("303 /sign-in", *("303 /",) * 4, *("303 /sign-in",) * 3)),
    "POST /sign-out": PageCase(HOME),
    "GET /board": PageCase(by_staff("200")),
    "GET /board/stream": PageCase(by_staff("200")),
    "GET /board/<order_number>/slip": PageCase(by_staff("200"), "received"),
    "GET /board/<order_number>/fail": PageCase(by_staff("200"), "received"),
    "POST /board/<order_number>/<move>": PageCase(by_staff("303 /board"), "received"),
    "GET /track/<order_number>": PageCase(OPEN, "received"),
    "POST /orders/<order_number>/cancel-by-page": PageCase(
        ("404", TRACKER, "404", TRACKER, TRACKER, *("303 /sign-in",) * 3), "received"
    ),
    "GET /lobby": PageCase(OPEN),
    "GET /dashboard": PageCase(FOR_STAFF),
    "GET /dashboard/stream": PageCase(FOR_STAFF),
    "GET /menu": PageCase(by_staff("200")),
    "POST /menu": PageCase(by_staff("303 /menu"), form=_dish),
    "POST /menu/<name>": PageCase(by_staff("303 /menu"), form=_dish),
    "POST /menu/<name>/availability": PageCase(by_staff("303 /menu"), form=lambda asked: {"available": "no"}),
    "POST /menu/<name>/removal": PageCase(by_staff("303 /menu")),
    "GET /users": PageCase(by_admins("200")),
    "POST /users/<user_id>/role": PageCase(by_admins("303 /users"), form=lambda asked: {"role": "employee"}),
    "POST /users/<user_id>/disabled": PageCase(by_admins("303 /users"), form=lambda asked: {"disabled": "yes"}),
    # Signed in; with a letter's link, see test_letters.py.
    "GET /notifications": PageCase(by_owners("200")),
    # Nobody has confirmed their addresses.
    "POST /notifications": PageCase(by_owners("403"), form=lambda asked: {"wants": "nothing"}),
    "POST /notifications/ask": PageCase(by_owners("404")),  # no letters are sent here
    "GET /notifications/unsubscribe": PageCase(by_owners("200")),
    "GET /notifications/confirm": PageCase(("410",) * 8),
    "POST /notifications/confirm": PageCase(("410",) * 8),
}
FORMS = [route for route in PAGES if route.startswith("POST ")]
#: What of these a request does to people stays done: each case has people of its own.
CHANGING_PEOPLE = ("PUT ", "POST /account", "POST /users", "POST /logout", "POST /sign-out")


def routes(pages: bool = False) -> dict[str, list[tuple[Any, str]]]:
    """All routes of all services, pages or others, with the classes and methods that answer them."""
    found: dict[str, list[tuple[Any, str]]] = {}
    for service in SERVICES:
        for name in dir(service):
            for entrypoint in getattr(getattr(service, name), "nameko_entrypoints", ()):
                if isinstance(entrypoint, HttpEntrypoint) and entrypoint.is_page == pages:
                    route = f"{entrypoint.method} {entrypoint.url}"
                    found.setdefault(route, []).append((service, name))
    return found


def address_of(asked: "PageRequest", route: str, values: dict[str, Any], pages: bool = False) -> str:
    """Where that is asked of the first service that has it and runs."""
    service = next(
        each.name for each, _ in routes(pages)[route] if each.name in {p.service for p in asked.running.processes}
    )
    path = route.partition(" ")[2].replace("<", "{").replace(">", "}")
    values = {**values, "service": service.removesuffix("_service")}
    return f"{asked.running.url(service)}{path.format_map(values)}"


def is_rpc(service: Any, method: str) -> bool:
    return any(isinstance(each, Rpc) for each in getattr(service, method).nameko_entrypoints)


def takes(service: Any, method: str, parameter: str) -> bool:
    return parameter in inspect.signature(getattr(service, method)).parameters


def arguments_of(asked: "PageRequest", route: str) -> dict[str, Any]:
    """What a call by RPC sends, but for the caller."""
    service, method = routes()[route][0]
    values = prepared(asked, route)
    if takes(service, method, "body"):
        values["body"] = TABLE[route].body(asked)
    return {name: value for name, value in values.items() if takes(service, method, name)}


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    for service in ("order_service", "tracking_service", "notifier_service"):
        running.start(service, **NO_LIMITS)
    running.start_worker("pass", COOKING="staffed")
    return running


@pytest.fixture(scope="module")
def everybody(house: Expedite) -> dict[str, Someone]:
    return people(house)


@pytest.fixture
def asked(house: Expedite, everybody: dict[str, Someone], request: pytest.FixtureRequest) -> PageRequest:
    """About people who stay as they are, where a case does not change them. A board shows the 200 that have waited
    longest, so what other cases have ordered is done."""
    house.query(
        "update orders set status = 'completed', completed_at = now() - interval '1 day'"
        " where status <> 'completed'"
    )
    route = getattr(request.node, "callspec", None) and request.node.callspec.params.get("route", "")
    return PageRequest(house, people(house) if str(route).startswith(CHANGING_PEOPLE) else everybody)


def people(house: Expedite) -> dict[str, Someone]:
    known = {
        "customer": register(house, "cleo"),
        "other": register(house, "otto"),
        "employee": register(house, "emma", "employee"),
        "admin": register(house, "anna", "admin"),
        "role_changed": register(house, "rolf", "employee"),
    }
    changed = send(house, "PUT", f"/users/{known['role_changed'].id}/role", {"role": "customer"}, known["admin"])
    assert changed.status_code == 200
    admin = known["admin"]
    claims = jwt.decode(admin.token, options={"verify_signature": False})
    late = {**claims, "iat": claims["iat"] - 7200, "exp": claims["exp"] - 7200}
    key = tokens._key(SECRET_KEY.encode())
    known["expired"] = Someone(admin.id, admin.email, admin.username, jwt.encode(late, key, "HS256"))
    forged = jwt.encode(claims, "another key, that is long enough", "HS256")
    known["forged"] = Someone(admin.id, admin.email, admin.username, forged)
    return known


def prepared(asked: PageRequest, route: str, case: Case | PageCase | None = None) -> dict[str, Any]:
    """What the request's path names, made anew: the customer's order, a dish, a user."""
    case = case or TABLE[route]
    house, customer = asked.running, asked.people["customer"]
    values: dict[str, Any] = {
        "name": asked.new_name(),
        "user_id": asked.people["other"].id,
        "file": "base.css",
        "move": "start",
    }
    if case.order is not None:
        order = an_order(order_type=case.order_type)
        if case.order_type == "delivery":
            order["delivery_address"] = "12 Harbour Street"
        placed = send(house, "POST", "/orders", order, customer)
        assert placed.status_code == 201, placed.text
        values["order_number"] = placed.json()["order_number"]
        house.query(
            "update orders set status = %s, completed_at = now() where number = %s",
            case.order,
            values["order_number"],
        )
    if "/webhooks" in route:
        house.query("delete from webhooks")  # there is room for so many
    if "/webhooks/" in route:
        # Nobody answers there, and it is off.
        [(values["webhook_id"],)] = house.query(
            "insert into webhooks (url, events, secret, switched_off_at)"
            " values ('https://till.example/', '{}', '\\x00', now()) returning id"
        )
    if "<delivery_id>" in route:
        [(values["delivery_id"],)] = house.query(_DELIVERY)
    if "/menu/<name>" in route:
        dish = {"name": values["name"], "category": "drink", "price": 3.5}
        assert send(house, "POST", "/menu", dish, asked.people["admin"]).status_code == 201
    return values


def test_every_route_is_in_the_table() -> None:
    assert set(routes()) == set(TABLE)
    assert set(routes(pages=True)) == set(PAGES)


@pytest.mark.parametrize("route", TABLE)
def test_by_http_everybody_gets_what_the_table_says(asked: PageRequest, route: str) -> None:
    case = TABLE[route]
    got = []
    for asking in ASKING:
        headers = asked.people[asking].headers if asking in asked.people else {}
        answer = ask(asked, route, headers)
        got.append(answer.status_code)
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert dict(zip(ASKING, got, strict=True)) == dict(zip(ASKING, case.expected, strict=True))


def ask(asked: PageRequest, route: str, headers: dict[str, str]) -> requests.Response:
    """As a program, with those headers."""
    url = address_of(asked, route, prepared(asked, route))
    is_stream = route.endswith("/stream")  # which has no end
    return requests.request(
        route.partition(" ")[0], url, json=TABLE[route].body(asked), headers=headers, timeout=15, stream=is_stream
    )


def session(asked: PageRequest, asking: str) -> dict[str, str]:
    """A browser's cookie."""
    return {"Cookie": f"other=1; expedite={asked.people[asking].token}"} if asking in asked.people else {}


@pytest.mark.parametrize("route", TABLE)
def test_a_script_of_our_pages_may_do_what_its_person_may(asked: PageRequest, route: str) -> None:
    got = []
    for asking in ASKING:
        headers = {**session(asked, asking), "Origin": asked.running.url("tracking_service")}
        got.append(ask(asked, route, headers).status_code)
    assert dict(zip(ASKING, got, strict=True)) == dict(zip(ASKING, TABLE[route].expected, strict=True))


@pytest.mark.parametrize("route", [route for route in TABLE if not route.startswith("GET ")])
@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "{door}.evil.example", "http://127.0.0.1"]
)
def test_what_another_site_sends_is_done_in_nobodys_name(
    asked: PageRequest, route: str, origin: str | None
) -> None:
    """The browser may send its cookie along: it counts for nothing."""
    door = asked.running.url("order_service")
    headers = {} if origin is None else {"Origin": origin.format(door=door)}
    for asking in ("customer", "admin"):
        answer = ask(asked, route, {**session(asked, asking), **headers, "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == TABLE[route].expected[ASKING.index("nobody")]


def browse(asked: PageRequest, route: str, headers: dict[str, str]) -> requests.Response:
    """As a browser, with those headers."""
    case = PAGES[route]
    url = address_of(asked, route, prepared(asked, route, case), pages=True)
    is_stream = route.endswith("/stream")  # which has no end
    answer = requests.request(
        route.partition(" ")[0],
        url,
        data=case.form(asked) if route in FORMS else None,
        headers={"Accept": "text/html,*/*;q=0.8", "Content-Type": FORM_TYPE, **headers},
        allow_redirects=False,
        timeout=15,
        stream=is_stream,
    )
    if is_stream:
        answer.close()
    return answer


@pytest.mark.parametrize("route", PAGES)
def test_in_a_browser_everybody_gets_what_the_table_says(asked: PageRequest, route: str) -> None:
    got = []
    for asking in ASKING:
        service = routes(pages=True)[route][0][0].name
        answer = browse(asked, route, {**session(asked, asking), "Origin": asked.running.url(service)})
        is_told = route.endswith("/stream") and answer.status_code == 200
        assert answer.headers["Content-Type"] == ("text/event-stream" if is_told else "text/html; charset=utf-8")
        leads_to = re.sub(r"ORD_\d+_\d+", "<order_number>", urlsplit(answer.headers.get("Location", "")).path)
        got.append(f"{answer.status_code} {leads_to}".strip())
    assert dict(zip(ASKING, got, strict=True)) == dict(zip(ASKING, PAGES[route].expected, strict=True))


@pytest.mark.parametrize("route", FORMS)
@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "{door}.evil.example", "http://127.0.0.1"]
)
def test_a_form_that_no_page_of_ours_sent_is_refused(asked: PageRequest, route: str, origin: str | None) -> None:
    door = asked.running.url("order_service")
    headers = {} if origin is None else {"Origin": origin.format(door=door)}
    for asking in ("nobody", "customer", "admin"):
        answer = browse(asked, route, {**session(asked, asking), **headers, "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
        assert "another site" in answer.text


@pytest.mark.parametrize(
    "route",
    [route for route, [(service, method), *_] in routes().items() if is_rpc(service, method)],
)
def test_by_rpc_a_user_who_is_named_gets_the_same(asked: PageRequest, route: str) -> None:
    case = TABLE[route]
    service, method = routes()[route][0]
    got = []
    with asked.running.rpc() as rpc:
        for asking in ASKING:
            arguments = arguments_of(asked, route)
            if takes(service, method, "caller"):
                arguments["caller"] = _named(asked, asking)
            try:
                getattr(getattr(rpc, service.name), method)(**arguments)
                got.append(0)
            except Refusal as refusal:
                got.append(refusal.status)
    expected = [0 if status < 400 else status for status in case.expected]
    assert dict(zip(ASKING, got, strict=True)) == dict(zip(ASKING, expected, strict=True))


def _named(asked: PageRequest, asking: str) -> dict[str, Any]:
    if asking == "nobody":
        return {}
    someone = asked.people[asking]
    if asking in ("expired", "forged", "role_changed"):
        return {"token": someone.token}
    return {"user": someone.id if asking == "customer" else someone.email}


@pytest.mark.parametrize(
    "route",
    [
        route
        for route, [(service, method), *_] in routes().items()
        if route in TABLE and TABLE[route].expected in (STAFF, ADMINS) and is_rpc(service, method)
    ],
)
def test_the_house_may_do_what_staff_may(asked: PageRequest, route: str) -> None:
    service, method = routes()[route][0]
    arguments = arguments_of(asked, route)
    with asked.running.rpc() as rpc:
        assert isinstance(getattr(getattr(rpc, service.name), method)(**arguments), dict)


def test_a_guests_order_is_a_status_by_number_and_all_of_it_with_its_key(asked: PageRequest) -> None:
    placed = send(asked.running, "POST", "/orders", an_order(notification_email="ada@example.com"))
    number, link = placed.json()["order_number"], asked.running.with_key(placed.json())
    for asking in ("nobody", "customer"):
        who = asked.people.get(asking)
        by_number = send(asked.running, "GET", f"/orders/{number}", who=who).json()
        assert set(by_number) == {"order_number", "status", "updated_at", "estimated_completion"}
    headers = asked.people["customer"].headers
    for with_key in (requests.get(link, timeout=5), requests.get(link, headers=headers, timeout=5)):
        assert with_key.json()["customer_name"] == "Ada Lovelace"
        assert with_key.json()["notification_email"] == "ada@example.com"


def test_staff_see_all_of_an_order_but_the_address_for_notifications(asked: PageRequest) -> None:
    mine = an_order(notification_email="Cleo@Example.com")
    placed = send(asked.running, "POST", "/orders", mine, asked.people["customer"]).json()
    path = f"/orders/{placed['order_number']}"
    own = send(asked.running, "GET", path, who=asked.people["customer"]).json()
    staffs = send(asked.running, "GET", path, who=asked.people["employee"])
    listed = send(asked.running, "GET", "/orders", who=asked.people["admin"])
    assert own["notification_email"] == "cleo@example.com"
    assert staffs.json()["items"] == own["items"]
    assert "cleo@example.com" not in staffs.text + listed.text
    sent = asked.running.query(
        "select body::text from outbox where body ->> 'order_number' = %s", own["order_number"]
    )
    assert not [body for (body,) in sent if "cleo@example.com" in body]


@pytest.mark.parametrize(
    "caller", [{"user": "\0"}, {"user": "\ud800"}, {"user": 2**70}, {"user": True}, {"user": []}, {"user": "1"}]
)
def test_a_user_who_is_none_is_nobody(house: Expedite, caller: dict[str, Any]) -> None:
    with house.rpc() as rpc, pytest.raises(Unauthorized):
        rpc.order_service.place_order(an_order(), caller)


@pytest.mark.parametrize("caller", [7, "ada", [], {"name": "ada"}, {"user": 1, "role": "admin"}])
def test_a_caller_is_said_as_callers_are(house: Expedite, caller: Any) -> None:
    with house.rpc() as rpc, pytest.raises(Invalid):
        rpc.order_service.place_order(an_order(), caller)
