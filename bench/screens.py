"""What people see and do at their screens, one request after another: as it is for one who waits for each."""

import http.client
import json
import statistics
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bench.drivers import BenchError
from bench.report import Figures
from bench.site import Site

_ASKED = 20  # times, after some that do not count
_WARM_UP = 3
_MOVED = 60  # orders
_PASSWORD = "only for the benchmark"  # noqa: S105
_PIZZA = {"name": "Margherita Pizza", "quantity": 1, "price": 15.99}
_GUEST = {"customer_name": "Ada Lovelace", "order_type": "takeout", "items": [_PIZZA]}

#: What is asked for, as staff: which service, and where. Of long ago is a day in the middle of the house's years.
_SEEN = {
    "the board": ("kitchen", "/board"),
    "the dashboard": ("tracking", "/dashboard"),
    "the lobby": ("tracking", "/lobby"),
    "all orders, the latest": ("order", "/orders"),
    "orders that wait, the most urgent": ("order", "/orders?status=received,cooking&sort=-priority"),
    "orders of a day of long ago": ("order", "/orders?from={day}&to={next_day}"),
    "orders of a customer": ("order", "/orders?customer=ada7@example.com"),
}
_STEPS = ("start", "ready", "complete")
#: What is measured, each a median in milliseconds.
LABELS = (*_SEEN, "a move")

_DAY = """
    select (min(placed_at) + (max(placed_at) - min(placed_at)) / 2)::date,
        (min(placed_at) + (max(placed_at) - min(placed_at)) / 2)::date + 1
    from orders where id in ((select min(id) from orders), (select max(id) from orders))
"""


def look(site: Site, figures: Figures, name: str) -> None:
    """Measures; order_service and tracking_service run. A kitchen, for its board, is started and killed."""
    site.start("kitchen", COOKING="staffed", WORKER_NAME="pass")
    token = _staff(site)
    [(day, next_day)] = site.query(_DAY)
    for label, (service, path) in _SEEN.items():
        wanted = path.format(day=day, next_day=next_day)
        figures.add(f"{name} {label}", _median(site, service, wanted, token))
    site.stop("kitchen")
    figures.add(f"{name} a move", _moves(site, token))


def _median(site: Site, service: str, path: str, token: str) -> float:
    is_page = service != "order"
    headers = {"Cookie": f"expedite={token}", "Accept": "text/html"} if is_page else _bearer(token)
    with _Client(site.url(service)) as client:
        taken = [client.timed("GET", path, headers)[0] for _ in range(_WARM_UP + _ASKED)]
    return statistics.median(taken[_WARM_UP:])


def _moves(site: Site, token: str) -> float:
    """Orders that are taken through the kitchen by hand."""
    taken = []
    with _Client(site.url("order")) as client:
        for _ in range(_MOVED):
            _, placed = client.timed("POST", "/orders", {}, _GUEST)
            for step in _STEPS:
                path = f"/orders/{placed['order_number']}/{step}"
                taken.append(client.timed("POST", path, _bearer(token), {})[0])
    return statistics.median(taken)


def _staff(site: Site) -> str:
    """A token of a new member of staff."""
    name = f"anna{time.time_ns()}"
    account = {"email": f"{name}@example.com", "username": name, "password": _PASSWORD}
    with _Client(site.url("order")) as client:
        client.timed("POST", "/register", {}, account)
        site.query("update users set role = 'employee' where email = %(email)s", email=account["email"])
        _, answer = client.timed("POST", "/login", {}, {key: account[key] for key in ("email", "password")})
    return str(answer["token"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


class _Client:
    """One connection that stays open."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def __enter__(self) -> "_Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def timed(self, method: str, path: str, headers: Mapping[str, str], body: object = None) -> tuple[float, Any]:
        """How long the answer took, in milliseconds, and what it was. Raises BenchError for one that is no 2xx."""
        sent = None if body is None else json.dumps(body)
        head = {**headers, **({} if body is None else {"Content-Type": "application/json"})}
        began = time.monotonic()
        self._connection.request(method, path, sent, head)
        answer = self._connection.getresponse()
        read = answer.read()
        taken = (time.monotonic() - began) * 1000
        if not 200 <= answer.status < 300:
            raise BenchError(f"{method} {path} was answered {answer.status}: {read[:200]!r}")
        return taken, json.loads(read) if answer.headers["Content-Type"].startswith("application/json") else None
