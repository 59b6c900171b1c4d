"""A client of Expedite, in one file to copy: orders, cancels and follows. It needs Python 3.11 and `requests`.

    house = Expedite("https://eat.example")
    order = house.place({"customer_name": "Ada Lovelace", "order_type": "takeout",
                         "items": [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99}]})
    for event in house.follow(order["order_number"]):
        print(event.data["current_status"])

What it sends and gets is described at /docs, and by /openapi.json. Everything raises `Problem` for what is refused
for good, and `Unreachable` for what could not be had in time.
"""

import contextlib
import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import requests

Json = dict[str, Any]

_CONNECT, _READ = 5.0, 30.0  # seconds; a stream sends something every ten
_PAUSE, _MAX_PAUSE = 0.5, 30.0  # seconds between attempts, at first and at most
_AGAIN = (429, 502, 503, 504)  # was not done, or will be the same if it was
_IS_OVER = ("completed", "cancelled", "failed")


class Problem(Exception):
    """A refusal (RFC 9457): `status`, `code` for programs, `detail` for people, and all members in `document`."""

    def __init__(self, document: Json) -> None:
        super().__init__(f"{document.get('title')}: {document.get('detail')}")
        self.document = document
        self.status: int = document.get("status", 0)
        self.code: str = document.get("code", "")

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by its field; empty where it is not about fields."""
        return {error["field"]: error["message"] for error in self.document.get("errors", [])}


class Unreachable(Exception):
    """No answer came in time, or none but "later"."""


@dataclass(frozen=True)
class Event:
    """What a stream sends; `id` is where it can be gone on from."""

    name: str
    data: Json
    id: str | None


class Expedite:
    """One house. `orders` is where order_service is reached, `tracking` where tracking_service is; behind a proxy
    both are one. With `token` it acts for somebody who is signed in. It waits for `patience` seconds at most, and
    is for one thread.
    """

    def __init__(
        self, orders: str, tracking: str | None = None, token: str | None = None, patience: float = 60.0
    ) -> None:
        self._orders = orders.rstrip("/")
        self._tracking = (tracking or orders).rstrip("/")
        self._session = requests.Session()
        self._patience = patience
        self.token = token

    # --- accounts ----------------------------------------------------------------------------------------------

    def register(self, email: str, username: str, password: str) -> Json:
        """Make an account and sign in; returns the account."""
        return self._sign_in("/register", {"email": email, "username": username, "password": password})

    def sign_in(self, email: str, password: str) -> Json:
        """Act for that account from now on; returns it. Good for an hour."""
        return self._sign_in("/login", {"email": email, "password": password})

    # --- orders ------------------------------------------------------------------------------------------------

    def menu(self) -> list[Json]:
        """The dishes that there are."""
        return list(self._ask("GET", self._orders, "/menu")["items"])

    def place(self, order: Mapping[str, Any], idempotency_key: str | None = None) -> Json:
        """Place an order once, however often it has to be sent. A program that may end before it has the answer
        keeps a random key of its own, and sends the same again."""
        key = idempotency_key or str(uuid.uuid4())
        return self._ask("POST", self._orders, "/orders", body=order, headers={"Idempotency-Key": key})

    def read(self, order_number: str, key: str | None = None) -> Json:
        """An order: in full with its key, or for whom it concerns."""
        return self._ask("GET", self._orders, f"/orders/{quote(order_number)}", query={"key": key})

    def cancel(self, order_number: str, key: str | None = None, reason: str | None = None) -> Json:
        """Cancel it, as long as it waits. One that is cancelled stays so."""
        path = f"/orders/{quote(order_number)}/cancel"
        return self._ask("POST", self._orders, path, {"reason": reason} if reason else None, query={"key": key})

    def move(self, order_number: str, step: str, reason: str | None = None) -> Json:
        """As staff: start, ready, dispatch, complete, recall or fail it."""
        path = f"/orders/{quote(order_number)}/{quote(step)}"
        return self._ask("POST", self._orders, path, {"reason": reason} if reason else None)

    def orders(self, **filters: str) -> Iterator[Json]:
        """All orders that fit, page by page: one's own, or everybody's for staff."""
        cursor: str | None = None
        while True:
            page = self._ask("GET", self._orders, "/orders", query={**filters, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    # --- where it stands ---------------------------------------------------------------------------------------

    def status(self, order_number: str) -> Json:
        """Where it stands, and when it will be ready."""
        return self._ask("GET", self._tracking, f"/orders/{quote(order_number)}/status")

    def history(self, order_number: str) -> list[Json]:
        """Each status that it has had."""
        return list(self._answered("GET", self._tracking, f"/orders/{quote(order_number)}/history").json())

    def follow(self, order_number: str) -> Iterator[Event]:
        """Its steps as they happen (`status`), and new estimates (`estimate`), until it is over. A connection that
        is cut off is opened again, and what came meanwhile is not missed."""
        path = f"/orders/{quote(order_number)}/stream"
        last: str | None = None
        heard = time.monotonic()
        while time.monotonic() - heard < self._patience:
            headers = {} if last is None else {"Last-Event-ID": last}
            with (
                contextlib.suppress(requests.RequestException),
                self._answered("GET", self._tracking, path, headers=headers, stream=True) as answer,
            ):
                for event in _events(answer):
                    heard = time.monotonic()
                    last = event.id or last
                    if event.name in ("status", "estimate"):
                        yield event
                    if event.name == "status" and event.data["current_status"] in _IS_OVER:
                        return
            time.sleep(_PAUSE)
        raise Unreachable(f"{path}: it ends again and again")

    # --- underneath --------------------------------------------------------------------------------------------

    def _sign_in(self, path: str, body: Json) -> Json:
        answer = self._ask("POST", self._orders, path, body)
        self.token = answer["token"]
        user: Json = answer["user"]
        return user

    def _ask(self, *request: Any, **more: Any) -> Json:
        answer: Json = self._answered(*request, **more).json()
        return answer

    def _answered(
        self,
        method: str,
        url: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """The answer, when it is a good one. What may be sent again is, with growing pauses, or as long as the
        house says (Retry-After)."""
        sent = {
            "Accept": "application/json, text/event-stream",
            "X-Request-ID": uuid.uuid4().hex,
            **(headers or {}),
        }
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        may_repeat = method in ("GET", "PUT", "DELETE") or "Idempotency-Key" in sent or path.startswith("/orders/")
        ends, pause = time.monotonic() + self._patience, _PAUSE
        while True:
            why: Exception | None = None
            try:
                answer = self._session.request(
                    method,
                    url + path,
                    params=query,
                    json=body,
                    headers=sent,
                    stream=stream,
                    timeout=(_CONNECT, _READ),
                )
                if answer.ok:
                    return answer
                if answer.status_code not in _AGAIN or (answer.status_code != 429 and not may_repeat):
                    raise Problem(_document(answer))
                why = Problem(_document(answer))
                asked_for = answer.headers.get("Retry-After", "")
                wait = float(asked_for) if asked_for.isdecimal() else pause
            except requests.RequestException as exc:
                if not may_repeat:
                    raise Unreachable(f"{method} {path}: it may or may not have been done.") from exc
                why, wait = exc, pause
            wait += random.uniform(0, 0.2 * pause)  # so that not all come back at once
            if time.monotonic() + wait > ends:
                raise Unreachable(f"{method} {path}: {why}") from why
            time.sleep(wait)
            pause = min(pause * 2, _MAX_PAUSE)


def key_of(placed: Json) -> str:
    """The key of an order that was placed: what its tracking link holds."""
    return parse_qs(urlsplit(placed["tracking_url"]).query)["key"][0]


def _document(answer: requests.Response) -> Json:
    try:
        document = answer.json()
    except ValueError:  # something in between that is not Expedite
        document = None
    if not isinstance(document, dict):
        document = {"title": answer.reason, "detail": "", "code": "", "status": answer.status_code}
    return document


def _events(answer: requests.Response) -> Iterator[Event]:
    """Server-sent events, as they come."""
    name, event_id = "message", None
    data: list[str] = []
    for raw in answer.iter_lines(chunk_size=None):
        field, _, value = raw.decode().partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            event_id = value
        elif not raw and data:
            yield Event(name, json.loads("\n".join(data)), event_id)
            name, data, event_id = "message", [], None
