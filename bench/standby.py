"""How long no order is taken when the primary is gone and its standby is promoted, and what a standby costs."""

import contextlib
import http.client
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from bench import drivers
from bench.drivers import BenchError
from bench.plan import Plan
from bench.report import Figures, table
from bench.site import Site
from bench.stack import Stack
from devstack.launcher import migrate
from devstack.postgres import Postgres
from devstack.processes import children, say, wait_until
from devstack.standby import Standby

_CUSTOMERS = 8
_BUSY = 32  # connections of the load that shows what a standby costs
_WITHIN = 60.0  # seconds
_SILENT, _KILLED = "silent", "killed"


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    for number in range(plan.rounds):
        say(f"standby: round {number + 1} of {plan.rounds}")
        for how in (_KILLED, _SILENT):
            with _pair(stack) as (site, standby):
                site.start("order")
                if how == _KILLED:
                    _cost(site, standby, plan, figures)
                standby.confirm_commits()
                _fail_over(site, standby, how, figures)
    return _text(figures)


@contextlib.contextmanager
def _pair(stack: Stack) -> Iterator[tuple[Site, Standby]]:
    """A site on a primary of its own with a standby, both empty, for the length of a block."""
    with contextlib.ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory(dir=stack.folder)))
        primary = Postgres(folder / "primary")
        started.callback(primary.kill)
        primary.start()
        migrate(primary.url)
        standby = Standby(folder / "standby", primary)
        started.callback(standby.kill)
        standby.start()
        amqp_uri = stack.rabbitmq.add_vhost(folder.name)
        started.callback(stack.rabbitmq.delete_vhost, folder.name)
        memory = started.enter_context(tempfile.TemporaryDirectory(prefix="expedite.", dir=drivers.MEMORY))
        site = Site(Path(memory), standby.url_of_both, amqp_uri)
        started.callback(site.close)
        yield site, standby


def _cost(site: Site, standby: Standby, plan: Plan, figures: Figures) -> None:
    drivers.place_orders(site.url("order"), _BUSY, plan.warm_up)
    for name in ("behind", "in step"):
        if name == "in step":
            standby.confirm_commits()
        load = drivers.place_orders(site.url("order"), _BUSY, plan.seconds)
        figures.add(name, load.rate)
        figures.add(f"{name} p99", load.p99)


@dataclass
class _Customers:
    """Order all the time. `taken`: when an order was sent, when it was answered 201, and its number."""

    url: str
    taken: list[tuple[float, float, str]] = field(default_factory=list)
    is_over: bool = False

    def order(self) -> None:
        at = urlsplit(self.url).netloc
        body, headers = json.dumps(drivers.ORDER), {"Content-Type": "application/json"}
        while not self.is_over:
            sent = time.monotonic()
            with contextlib.closing(http.client.HTTPConnection(at, timeout=_WITHIN)) as connection:
                connection.request("POST", "/orders", body, headers)
                answer = connection.getresponse()
                said = json.load(answer)
            if answer.status == http.HTTPStatus.CREATED:
                self.taken.append((sent, time.monotonic(), said["order_number"]))
            else:
                time.sleep(0.01)


def _fail_over(site: Site, standby: Standby, how: str, figures: Figures) -> None:
    customers = _Customers(site.url("order"))
    threads = [threading.Thread(target=customers.order, daemon=True) for _ in range(_CUSTOMERS)]
    for thread in threads:
        thread.start()
    try:
        site.wait("orders", lambda: len(customers.taken) > 10 * _CUSTOMERS)
        gone = time.monotonic()
        _fail(standby.primary, how)
        figures.add(f"{how} promotion", standby.promote())
        if not wait_until(lambda: any(sent > gone for sent, _, _ in list(customers.taken)), _WITHIN):
            raise BenchError(f"no order was taken within {_WITHIN:g} s after the primary was {how}")
    finally:
        customers.is_over = True
        for thread in threads:
            thread.join(_WITHIN)
    figures.add(how, min(answered for sent, answered, _ in customers.taken if sent > gone) - gone)
    with (
        contextlib.closing(psycopg2.connect(standby.url, connect_timeout=5)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select number from orders")
        kept = {number for (number,) in cursor}
    if lost := {number for _, _, number in customers.taken} - kept:
        raise BenchError(f"{len(lost)} orders that were answered 201 are not in the table")


def _fail(primary: Postgres, how: str) -> None:
    """At once: killed, or silent as a machine that is cut off."""
    if how == _KILLED:
        primary.kill()
        return
    for pid in (primary.pid, *children(primary.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)


def _text(figures: Figures) -> str:
    gaps = [
        [f"the primary is {how}", figures.spread(how), figures.spread(f"{how} promotion")]
        for how in (_KILLED, _SILENT)
    ]
    costs = [
        [f"{commits} waits for it", figures.spread(name), figures.spread(f"{name} p99")]
        for commits, name in (("no commit", "behind"), ("every commit", "in step"))
    ]
    return f"""\
A primary and its standby on one disk, synchronous replication, DATABASE_URL with both. {_CUSTOMERS} customers
order without a pause; the primary is killed, or all its processes are stopped, as if its machine were cut off. Its
standby is promoted at once: in a deployment the time until somebody, or something, decides that comes on top. No
order that was answered 201 was lost.

{table(["", "s until an order is taken", "of which s the promotion"], gaps)}

What the standby costs, by {_BUSY} connections that order as fast as they are answered:

{table(["", "orders/s", "p99 ms"], costs)}
"""
