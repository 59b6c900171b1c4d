"""What it costs to see and to tell: traces, metrics that are read, letters and webhooks, all at once."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from bench import intake
from bench.drivers import ROOT, TOLD, TOLD_ADDRESSES, BenchError
from bench.plan import Plan
from bench.report import Figures, side_by_side
from bench.site import Site
from bench.stack import Stack
from devstack.processes import command_for, say

_BUSY = 32  # connections
#: Processes of order_service, and orders that are cooked a second: each is told of twice by e-mail and by webhook.
_LOADS = ((1, 0), (2, 0), (1, 5), (1, 20))
_PREFETCH = 4
_COOKING = 10  # seconds at speed 1, on average
_SCRAPE_SECONDS = 5.0  # a third of what deploy/prometheus/prometheus.yml says
_KINDS = ("letters", "webhooks", "traces")


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    for number in range(plan.rounds):
        say(f"operating: round {number + 1} of {plan.rounds}")
        for load in _LOADS:
            # Now the one first, now the other.
            for is_on in (False, True) if number % 2 == 0 else (True, False):
                _measure(stack, plan, figures, load, is_on)
    return _text(figures)


def _measure(stack: Stack, plan: Plan, figures: Figures, what: tuple[int, int], is_on: bool) -> None:
    processes, cooked = what
    with stack.site() as site, _receivers() as receivers, contextlib.ExitStack() as running:
        settings = receivers.settings if is_on else {}
        services = ["order", "tracking", "notifier"]
        for name in services:
            site.start(name, processes if name == "order" else 1, **settings)
        if cooked:
            services.append("kitchen")
            site.start("kitchen", PREFETCH=_PREFETCH, COOKING_SPEED=cooked * _COOKING / _PREFETCH, **settings)
        if is_on:
            _ask_to_be_told(site, receivers)
            running.enter_context(_scraping(site, services))
        intake.warm_up(site, plan, TOLD)
        receivers.came()
        load, _ = intake.placed(site, _BUSY, plan.seconds, with_=TOLD)
        name = _name(what, is_on)
        figures.add(name, load.rate)
        figures.add(f"{name} p99", load.p99)
        came = receivers.came()
        if is_on:
            for kind in _KINDS if cooked else _KINDS[-1:]:
                if not came.get(kind):
                    raise BenchError(f"no {kind} came: {came}")
                figures.add(f"{name} {kind}", came[kind] / load.seconds)


def _ask_to_be_told(site: Site, receivers: "_Receivers") -> None:
    """Of every step, by e-mail and by webhook."""
    site.query(
        "insert into mail_addresses (address, wants, confirmed_at)"
        " select unnest(%(addresses)s), 'every_step', now()",
        addresses=TOLD_ADDRESSES,
    )
    site.query(
        "insert into webhooks (url, events, secret) values (%(url)s, %(events)s, %(secret)s)",
        url=receivers.web,
        events=json.dumps({"order_status_changed": {}}),
        secret=bytes(32),
    )


class _Receivers:
    """Where everything that is sent goes: see bench.receivers."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        mail, web = self._said()
        self.web = f"http://127.0.0.1:{web}"
        self.settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.web,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": mail,
            "SMTP_SECURITY": "none",
            "MAIL_FROM": "orders@example.com",
            "WEBHOOKS_ALLOW_HTTP": "true",
            "WEBHOOKS_ALLOW_PRIVATE": "true",
        }

    def came(self) -> dict[str, int]:
        """How much of each kind came since the last time."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return dict(self._said())

    def _said(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101
        return json.loads(self._process.stdout.readline())


@contextlib.contextmanager
def _receivers() -> Iterator[_Receivers]:
    process = subprocess.Popen(
        command_for([sys.executable, "-m", "bench.receivers"], signal.SIGKILL),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield _Receivers(process)
    finally:
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def _scraping(site: Site, services: Sequence[str]) -> Iterator[None]:
    """Reads what every service says of itself, as Prometheus does. Raises BenchError when one did not answer."""
    is_over = threading.Event()
    failures: list[OSError] = []

    def scrape() -> None:
        while not is_over.wait(_SCRAPE_SECONDS):
            for name in services:
                try:
                    with urllib.request.urlopen(f"{site.url(name)}/metrics", timeout=10) as answer:
                        answer.read()
                except OSError as exc:
                    failures.append(exc)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    if failures:
        raise BenchError(f"metrics could not be read: {failures[0]}")


def _name(what: tuple[int, int], is_on: bool) -> str:
    processes, cooked = what
    return f"{processes} x {cooked} {'on' if is_on else 'off'}"


def _text(figures: Figures) -> str:
    rows = [
        (
            f"{key}: {processes} × order_service, {cooked or 'none'} cooked a second",
            f"{_name((processes, cooked), False)}{figure}",
            f"{_name((processes, cooked), True)}{figure}",
        )
        for processes, cooked in _LOADS
        for key, figure in (("orders/s", ""), ("p99 ms", " p99"))
    ]
    told = "; ".join(
        f"with {what[1]} cooked, "
        + " and ".join(f"{figures.spread(f'{_name(what, True)} {kind}')} {kind}" for kind in _KINDS[:-1])
        for what in _LOADS
        if what[1]
    )
    return f"""\
Orders are placed over {_BUSY} connections as fast as they are answered, while tracking_service, notifier_service
and, where some are cooked, one worker run. With `all on` traces are sent (TRACES_PER_SECOND is its default), every
service is asked for its metrics each {_SCRAPE_SECONDS:g} s, and both steps of every order that is cooked are told
by e-mail and by webhook, as of customers who have chosen to hear of every step: 5 a second are 18,000 orders and
72,000 deliveries an hour. What receives them shares the machine's cores, too. A second brought, {told}.

{side_by_side(figures, "all off", "all on", rows)}
"""
