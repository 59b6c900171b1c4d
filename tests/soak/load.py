"""A steady load: customers who place orders one after the other, track some of them, and cancel some.

A customer whose order is not answered sends it again with the same Idempotency-Key, as a good client does.
"""

import itertools
import json
import string
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

CLIENTS = 8
_PATIENCE = 90.0  # seconds until a customer without an answer gives up
_PAUSE = 0.3  # seconds until an order is sent again
_TIMEOUT = 15.0  # seconds for one answer; more than the services' own bounds together


@dataclass(frozen=True)
class Placed:
    """An order that was answered 201. `cancelled` tells how its cancellation was answered, None without one."""

    customer_name: str
    number: str
    cancelled: bool | None


@dataclass
class Load:
    """`orders` orders at `rate` a second, spread over the processes of order_service.

    `placed` has what was answered 201; `unanswered` the customers who gave up; `wrong` every answer that no
    fault excuses; `lost_answers` counts requests that were sent again because nobody knows what became of them.
    """

    order_addresses: Sequence[str]
    tracking_addresses: Sequence[str]
    orders: int
    rate: float
    placed: list[Placed] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lost_answers: int = 0

    def __post_init__(self) -> None:
        # Names are made of letters.
        self.family = "".join(string.ascii_lowercase[byte % 26] for byte in uuid.uuid4().bytes[:10])
        self._next = itertools.count()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._order, args=(client,), daemon=True) for client in range(CLIENTS)
        ]

    def start(self) -> None:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def wait(self, within: float) -> None:
        """Until every order is answered or given up."""
        deadline = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), f"orders are not answered in {within} s"

    def stop(self) -> None:
        """For teardown."""
        self._over.set()
        for thread in self._threads:
            thread.join(2 * _TIMEOUT)

    def _order(self, client: int) -> None:
        for serial in self._next:
            due = self._began + serial / self.rate
            if serial >= self.orders or self._over.wait(max(0.0, due - time.monotonic())):
                return
            order = _order(serial, self.family)
            answer = self._insist(
                "POST", "/orders", self.order_addresses[client % 2 :], order, key=str(uuid.uuid4())
            )
            if answer is None:
                self.unanswered.append(order["customer_name"])
                continue
            status, body = answer
            if status != 201:
                self.wrong.append(f"{order} was answered {status} {body}")
                continue
            cancelled = self._cancel(body["order_number"], body["tracking_url"]) if serial % 9 == 4 else None
            self.placed.append(Placed(order["customer_name"], body["order_number"], cancelled))
            if serial % 5 == 3:
                self._track(body["order_number"])

    def _cancel(self, number: str, tracking_url: str) -> bool | None:
        """Whether the order was cancelled; None when nobody knows."""
        key = urlsplit(tracking_url).query
        answer = self._insist("POST", f"/orders/{number}/cancel?{key}", self.order_addresses)
        if answer is None:
            self.unanswered.append(tracking_url)
            return None
        status, body = answer
        if status not in (200, 409):
            self.wrong.append(f"cancelling {tracking_url} was answered {status} {body}")
        return status == 200

    def _track(self, number: str) -> None:
        """A look at the order: tracking may be away, but not know nothing of an order that was taken."""
        try:
            status, body = _request(self.tracking_addresses[0], "GET", f"/orders/{number}/status")
        except (OSError, HTTPException):
            return
        if status not in (200, 503):
            self.wrong.append(f"tracking {number} was answered {status} {body}")

    def _insist(
        self, method: str, path: str, addresses: Sequence[str], body: Any = None, key: str | None = None
    ) -> tuple[int, Any] | None:
        """The first answer that is one; None when there is none for too long."""
        deadline = time.monotonic() + _PATIENCE
        for address in itertools.cycle([*addresses, *self.order_addresses]):
            try:
                status, answer = _request(address, method, path, body, key)
                if status < 500 and status != 429:
                    return status, answer
                if status != 503:
                    self.wrong.append(f"{method} {path} was answered {status} {answer}")
            except ConnectionRefusedError:
                pass
            except (OSError, HTTPException):
                self.lost_answers += 1
            if time.monotonic() > deadline or self._over.wait(_PAUSE):
                return None
        return None


def _request(address: str, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    headers = {"Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if key is not None:
        headers["Idempotency-Key"] = key
    connection = HTTPConnection(address, timeout=_TIMEOUT)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def _order(serial: int, family: str) -> dict[str, Any]:
    """The serial-th order of a family: all types and priorities, every seventh as large as an order can be."""
    order: dict[str, Any] = {"customer_name": f"{_letters(serial)} {family}"}
    if serial % 7 == 6:
        order["items"] = [
            {"name": f"{number:02d} {'x' * 47}", "quantity": 10, "price": 9.99} for number in range(20)
        ]
    else:
        order["items"] = [{"name": "Margherita Pizza", "quantity": 1 + serial % 5, "price": 15.99}]
    order["order_type"] = ("dine_in", "takeout", "delivery")[serial % 3]
    if order["order_type"] == "dine_in":
        order["table_number"] = 1 + serial % 100
    if order["order_type"] == "delivery":
        order["delivery_address"] = "12 Harbour Street" * (20 if serial % 7 == 6 else 1)
    return order


def _letters(serial: int) -> str:
    digits = string.ascii_lowercase
    return "".join(digits[serial // 26**place % 26] for place in (3, 2, 1, 0))
