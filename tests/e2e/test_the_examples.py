"""The examples do what they say, with the real thing: the client, and a service of somebody who knows Nameko."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import amqp
import pytest

from devstack.processes import command_for
from examples.expedite_client import Expedite as Client
from examples.expedite_client import Problem, key_of
from tests.support import people
from tests.support.described import Described
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, Process, an_order

PASSWORD = "analytical engine"


@pytest.fixture
def house(expedite: Expedite) -> Expedite:
    expedite.start("order_service", wait=False, **people.NO_LIMITS)
    expedite.start("tracking_service", wait=False)
    expedite.start_worker(wait=False)
    for process in expedite.processes:
        process.wait_ready()
    return expedite


@pytest.fixture
def described(house: Expedite) -> Described:
    return Described(house, "order_service", "tracking_service")


def client(house: Expedite, described: Described, token: str | None = None) -> Client:
    made = Client(house.url("order_service"), house.url("tracking_service"), token)
    made._session.hooks["response"].append(described)
    return made


def test_the_client_orders_follows_and_serves_as_the_documents_say(house: Expedite, described: Described) -> None:
    guest, ada = client(house, described), client(house, described)
    staff = client(house, described, people.register(house, "anna", "employee").token)
    assert ada.register("ada@example.com", "ada", PASSWORD)["role"] == "customer"
    assert ada.sign_in("ada@example.com", PASSWORD)["username"] == "ada"
    assert guest.menu() == []

    placed = guest.place(an_order(), "a random key")
    assert guest.place(an_order(), "a random key") == placed
    number = placed["order_number"]
    house.wait_for(number, "ready")
    assert guest.read(number, key_of(placed))["customer_name"] == "Ada Lovelace"
    assert "customer_name" not in guest.read(number)
    assert guest.status(number)["current_status"] == "ready"

    told: list[str] = []
    following = threading.Thread(
        target=lambda: told.extend(event.data["current_status"] for event in guest.follow(number))
    )
    following.start()
    eventually(lambda: "ready" in told)
    assert staff.move(number, "complete")["status"] == "completed"
    following.join(20)
    assert told == ["ready", "completed"]
    assert [step["status"] for step in guest.history(number)] == ["received", "cooking", "ready", "completed"]

    numbers = [ada.place(an_order())["order_number"] for _ in range(3)]
    assert [order["order_number"] for order in ada.orders(limit="2")] == numbers[::-1]
    house.wait_for(numbers[0], "ready")
    with pytest.raises(Problem) as refused:
        ada.cancel(numbers[0])
    assert (refused.value.status, refused.value.code) == (409, "illegal_move")
    with pytest.raises(Problem) as refused:
        guest.place(an_order(customer_name="R2-D2"))
    assert refused.value.errors == {"customer_name": "Only letters, spaces, hyphens and apostrophes."}
    assert set(described.asked) >= {"place_order", "get_order", "list_orders", "cancel_order", "order_stream"}


@pytest.fixture
def loyalty(house: Expedite) -> Iterator[Process]:
    """The fifth service, as somebody starts it who knows Nameko alone."""
    nameko = Path(sys.executable).with_name("nameko")
    popen = subprocess.Popen(
        command_for([nameko, "run", "--broker", house.amqp_uri, "loyalty_service"], dies_with=signal.SIGKILL),
        cwd=ROOT / "examples",
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    process = Process("loyalty_service", "", popen)
    assert popen.stdout is not None
    reading = threading.Thread(target=lambda: process.lines.extend(line.rstrip() for line in popen.stdout))  # type: ignore[union-attr]
    reading.start()
    yield process
    popen.kill()
    popen.wait(10)
    reading.join(10)
    popen.stdout.close()


def test_whoever_knows_nameko_builds_on_it(house: Expedite, loyalty: Process) -> None:
    eventually(lambda: _hears(house, "order_service") and _hears(house, "kitchen_service"), 30)
    anna = people.register(house, "anna", "employee")
    for _ in range(2):
        number = house.place_number()
        house.wait_for(number, "ready")
        assert people.post(house, f"/orders/{number}/complete", who=anna).status_code == 200
    said = [f"Ada Lovelace has {points} points, 15 of them for" for points in (15, 30)]
    eventually(lambda: [line.rpartition(" ")[0] for line in loyalty.lines if "points" in line] == said, 20)
    with house.rpc() as rpc:
        assert rpc.loyalty_service.points_of("Ada Lovelace") == 30


def _hears(house: Expedite, service: str) -> bool:
    queue = f"evt-{service}-order_status_changed--loyalty_service.count"
    with contextlib.suppress(amqp.NotFound), house.channel() as channel:
        return bool(channel.queue_declare(queue, passive=True))
    return False
