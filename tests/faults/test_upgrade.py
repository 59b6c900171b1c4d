"""The version of before and this one beside each other, under load, while the migrations run; and the way back."""

import contextlib
import itertools
import threading
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import requests

from devstack import launcher
from devstack.postgres import Postgres
from tests.conftest import copied_database
from tests.support import versions
from tests.support.events import Listener
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, Process, an_order
from tests.support.people import NO_LIMITS

EMAIL, PASSWORD = "anna@example.com", "correct horse battery"
#: What runs of a version, two of what shares its work; all of a service at one address.
PARTS = (*["order_service", "kitchen_service"] * 2, "tracking_service", "notifier_service")
STEPS = [("received", 1), ("cooking", 2), ("ready", 3), ("completed", 4)]
CUSTOMERS = 4
_MOST_WAITING = 20  # orders, for whoever hands them over
_TIMES_SENT = 50  # that an order whose answer is lost is sent
_GAPS = """
    select coalesce(sum(n.last - (select count(*) from orders o
        where o.number like 'ORD\\_' || to_char(n.day, 'YYYYMMDD') || '\\_%%')), 0)
    from order_numbers n
"""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """Where the code of the version of before is."""
    folder = tmp_path / "before"
    versions.unpack(versions.before_the_newest_migration(), folder)
    return folder


@pytest.fixture
def house(postgres: Postgres, amqp_uri: str, before: Path) -> Iterator[Expedite]:
    """On a database as that version's migrations make it, with somebody who works there; nothing runs yet."""
    with copied_database(postgres.url, "template0") as database_url:
        house = Expedite(database_url, amqp_uri)
        launcher.migrate(database_url, before)
        launcher.run_module(["order_service.accounts.admin", EMAIL], before, house.environment(), PASSWORD + "\n")
        try:
            yield house
        finally:
            house.stop_all()


class Version:
    """All that runs of one version's code."""

    def __init__(self, house: Expedite, checkout: Path) -> None:
        self.house = house
        self.checkout = checkout
        self.processes: list[Process] = []

    def start(self) -> None:
        """Beside what runs, at the same addresses."""
        for part in PARTS:
            address = self.house.url(part).removeprefix("http://")
            settings = {
                launcher.address_variable(part): address,
                "WORKER_NAME": f"chef_{uuid.uuid4().hex[:6]}",
                "COOKING_SPEED": 20,
                "PREFETCH": 5,
                **NO_LIMITS,
            }
            self.processes.append(self.house.start(part, wait=False, checkout=self.checkout, **settings))
        for process in self.processes:
            eventually(lambda process=process: process.actions("service_started"), 30)
            if process.service == "kitchen_service":
                eventually(lambda process=process: process.actions("worker_registered"), 30)
        for part in set(PARTS):
            eventually(lambda part=part: requests.get(f"{self.house.url(part)}/health/ready", timeout=10).ok, 30)

    def stop(self) -> None:
        """One after the other, in good order."""
        while self.processes:
            assert self.processes.pop().stop(within=90) == 0

    def has_streams(self) -> bool:
        """Of orders, which are younger than this test."""
        return (self.checkout / "tracking_service/order_streams.py").exists()


@dataclass
class Public:
    """Customers who order and look, and somebody who hands over what is ready; all of them all the time.

    `wrong` is every answer that should have been another one; `broken` are the requests that had none.
    """

    house: Expedite
    placed: list[str] = field(default_factory=list)
    handed_over: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._is_over = threading.Event()
        self._serials = itertools.count()
        self._to_hand_over: deque[str] = deque()
        self._threads: list[threading.Thread] = []
        answer = self._ask("POST", "/login", {"email": EMAIL, "password": PASSWORD})
        self._staff = {"Authorization": f"Bearer {answer['token']}"}

    @contextlib.contextmanager
    def coming(self) -> Iterator[None]:
        """For the length of a block, and until what was begun is done."""
        jobs = [self._order_on] * CUSTOMERS + [self._hand_over]
        self._threads += [threading.Thread(target=job, daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in self._threads:
                thread.join(120)
        assert not [thread for thread in self._threads if thread.is_alive()]

    def go_on(self, orders: int = 20) -> None:
        """Until so many more orders are placed and handed over."""
        for each in (self.placed, self.handed_over):
            enough = len(each) + orders
            eventually(lambda each=each, enough=enough: len(each) >= enough or self.wrong, 60)
        assert self.wrong == []

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Three more who order, and look at their order's stream for the length of the block, at whose end they
        have what they ordered, and have seen each of its steps once, from the one at which they opened it."""
        numbers = [self._order() for _ in range(3)]
        pages = [Page(f"{self.house.url('tracking_service')}/orders/{number}/stream") for number in numbers]
        try:
            for page in pages:
                page.open()
            yield
            self._to_hand_over.extend(numbers)
            for page in pages:
                eventually(lambda page=page: page.steps[-1:] == [("completed", 4)], 60)
                assert page.steps == STEPS[-len(page.steps) :]
        finally:
            for page in pages:
                page.close()

    def _order_on(self) -> None:
        while not self._is_over.wait(0.05):
            if len(self._to_hand_over) < _MOST_WAITING:
                number = self._order()
                self._to_hand_over.append(number)
                self._status(number)

    def _order(self) -> str:
        order = an_order(**({"order_type": "dine_in", "table_number": 7} if next(self._serials) % 2 else {}))
        placed = self._ask("POST", "/orders", order, 201, {"Idempotency-Key": uuid.uuid4().hex})
        number = str(placed["order_number"])
        self.placed.append(number)
        return number

    def _hand_over(self) -> None:
        while self._to_hand_over or not self._is_over.is_set():
            if not self._to_hand_over:
                self._is_over.wait(0.05)
                continue
            number = self._to_hand_over.popleft()
            eventually(lambda number=number: self._status(number) == "ready", 60)
            self._ask("POST", f"/orders/{number}/complete", headers=self._staff)
            self.handed_over.append(number)

    def _status(self, number: str) -> str:
        answer = self._ask("GET", f"/orders/{number}/status", service="tracking_service")
        return str(answer["current_status"])

    def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        expected: int = 200,
        headers: dict[str, str] | None = None,
        service: str = "order_service",
    ) -> Any:
        """Its answer. What has none is asked again, which changes nothing: orders have their keys, and what is
        completed stays so."""
        for _ in range(_TIMES_SENT):
            try:
                url = f"{self.house.url(service)}{path}"
                answer = requests.request(method, url, json=body, headers=headers, timeout=30)
            except requests.RequestException as exc:
                self.broken.append(f"{method} {path}: {exc}")
                continue
            if answer.status_code != expected:
                self.wrong.append(f"{method} {path} was answered {answer.status_code} {answer.text}")
            return answer.json()
        raise AssertionError(f"{method} {path} is never answered")


class Page:
    """Listens to a stream as a browser does: whenever it is cut off it comes back, and says what it had last."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_closed = threading.Event()
        self._listeners: list[Listener] = []
        self._thread = threading.Thread(target=self._listen_on, daemon=True)

    @property
    def steps(self) -> list[tuple[str, int]]:
        """What it heard, in the order in which it came."""
        return [
            (event.data["current_status"], event.data["sequence"])
            for listener in self._listeners
            for event in listener.of("status")
        ]

    def open(self) -> None:
        self._thread.start()
        eventually(lambda: self.steps)

    def close(self) -> None:
        self._is_closed.set()
        self._thread.join(60)

    def _listen_on(self) -> None:
        last = None
        while not self._is_closed.is_set():
            listener = Listener(self._url, last)
            self._listeners.append(listener)
            with contextlib.suppress(OSError, HTTPException, AssertionError):
                listener.start()
                while not listener.is_over and not self._is_closed.wait(0.05):
                    pass
                listener.stop()
            last = listener.last_id
            self._is_closed.wait(0.5)  # as EventSource does


def assert_the_books_are_even(house: Expedite, public: Public) -> None:
    placed = sorted(public.placed)
    assert len(set(placed)) == len(placed)
    assert house.query("select number from orders order by number") == [(number,) for number in placed]
    assert house.query(_GAPS) == [(0,)]
    assert sorted(house.cooked()) == placed
    assert house.query("select distinct status from orders") == [("completed",)]
    eventually(house.is_settled)
    assert house.waiting("dead_letters") == 0
    notifiers = [process for process in house.processes if process.service == "notifier_service"]
    expected = {
        f"Notification for order {number}: Status changed from '{old}' to '{new}'"
        for number in placed
        for (old, _), (new, _) in itertools.pairwise(STEPS)
    }

    def announced() -> Counter[str]:
        """By how many notifiers each change was: by both while both ran."""
        return Counter(line.partition(" by ")[0] for process in notifiers for line in process.printed())

    eventually(lambda: expected <= set(announced()))
    errors = [line for process in house.processes for line in process.logged() if line["level"] == "ERROR"]
    assert errors == []


@pytest.mark.timeout(900)
def test_nobody_notices_an_upgrade_nor_the_way_back_from_it(house: Expedite, before: Path) -> None:
    old, new = Version(house, before), Version(house, ROOT)
    old.start()
    public = Public(house)
    follows = public.following if old.has_streams() else contextlib.nullcontext
    with public.coming():
        with follows():
            public.go_on()
            launcher.migrate(house.database_url)
            public.go_on()  # the old code on the new tables
            new.start()
            public.go_on()  # both of them
            old.stop()
            public.go_on()
        # The code alone goes back: the new tables stay.
        with follows():
            old.start()
            public.go_on()
            new.stop()
            public.go_on()
    assert public.wrong == []
    assert public.broken == []
    assert_the_books_are_even(house, public)
