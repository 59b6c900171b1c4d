"""`make run`, in a copy of the checkout: starts, refuses what cannot go well, and leaves nothing running."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from devstack.processes import children, command_line, free_port
from devstack.rabbitmq import CACHE
from tests.support.eventually import eventually
from tests.support.expedite import ROOT
from tests.support.processes import processes_of

SERVICES = ("order", "kitchen", "tracking", "notifier")
MADE = shutil.ignore_patterns(".git", ".venv*", ".devstack", "tests", "__pycache__", ".*_cache")


class Run:
    """One `python -m devstack run` in the background, with closed standard input."""

    def __init__(self, checkout: Path, environment: Mapping[str, str]) -> None:
        self._output = checkout / "output"
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devstack", "run"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=checkout,
                env=environment,
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def wait_until_ready(self) -> None:
        eventually(lambda: "Ctrl-C stops it" in self.said or self.process.poll() is not None, within=100)
        assert self.process.poll() is None, self.said

    def ends(self, within: float = 60) -> int:
        return self.process.wait(within)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of this checkout, in which nothing has run yet; what a test leaves running there ends."""
    copy = tmp_path / "a copy"
    shutil.copytree(ROOT, copy, ignore=MADE)
    (copy / ".devstack").mkdir()
    if CACHE.exists():
        (copy / ".devstack/rabbitmq-server").symlink_to(CACHE)
    yield copy
    eventually(lambda: not processes_of(copy), within=60)


@pytest.fixture
def environment() -> dict[str, str]:
    """An environment with ports of the test's own, and cooking that takes no time."""
    ports = {f"{service.upper()}_ADDRESS": f"127.0.0.1:{free_port()}" for service in SERVICES}
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**inherited, **ports, "COOKING_SPEED": "0"}


def test_the_first_run_the_printed_order_a_second_run_and_ctrl_c(
    checkout: Path, environment: dict[str, str]
) -> None:
    first = Run(checkout, environment)
    try:
        first.wait_until_ready()
        curl = re.search(r"^ *(curl .*)$", first.said, re.MULTILINE)
        assert curl is not None
        answer = json.loads(subprocess.check_output(shlex.split(curl[1]), stderr=subprocess.DEVNULL, timeout=20))
        number = answer["order_number"]
        eventually(lambda: f"{number}: Status changed from 'cooking' to 'ready'" in first.said)
        assert (checkout / ".devstack/env").stat().st_mode & 0o777 == 0o600
        menu = requests.get(f"http://{environment['ORDER_ADDRESS']}/menu", timeout=10).json()
        assert "Margarita" in [dish["name"] for dish in menu["items"]]

        second = subprocess.run(
            [sys.executable, "-m", "devstack", "run"],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second.returncode == 1
        assert f"runs in this checkout already, as process {first.process.pid}" in second.stderr
    finally:
        first.process.send_signal(signal.SIGINT)
        code = first.ends()
    assert code == 0, first.said
    assert processes_of(checkout) == []


@pytest.mark.matrix
def test_after_a_crash_of_all_nothing_runs_and_the_next_run_finds_the_data(
    checkout: Path, environment: dict[str, str]
) -> None:
    crashed = Run(checkout, environment)
    crashed.wait_until_ready()
    crashed.process.kill()
    crashed.ends()

    again = Run(checkout, environment)
    try:
        again.wait_until_ready()
        command = ". .devstack/env && alembic current"
        shell = ["sh", "-c", command]
        assert "head" in subprocess.check_output(shell, cwd=checkout, text=True, timeout=30)
    finally:
        again.process.terminate()
        code = again.ends()
    assert code == 0, again.said


@pytest.mark.matrix
def test_whatever_is_killed_is_started_again_and_orders_are_cooked(
    checkout: Path, environment: dict[str, str]
) -> None:
    run = Run(checkout, environment)
    try:
        run.wait_until_ready()
        for name, mark in (
            ("order", b"order_service"),
            ("kitchen", b"kitchen_service"),
            ("tracking", b"tracking_service"),
            ("notifier", b"notifier_service"),
            ("postgresql", b"postgres"),
            ("rabbitmq", b"beam"),
        ):
            [victim] = [child for child in children(run.process.pid) if mark in command_line(child)]
            os.kill(victim, signal.SIGKILL)
            eventually(lambda name=name: f"{name} ended by itself, by SIGKILL; starting it again in" in run.said)
            eventually(lambda: _is_cooked(environment, run), within=30)
            eventually(lambda name=name: f"{name} is started again" in run.said, within=30)
    finally:
        run.process.send_signal(signal.SIGINT)
        code = run.ends()
    assert code == 0, run.said


def _is_cooked(environment: dict[str, str], run: Run) -> bool:
    """An order that is placed now is ready, soon."""
    order = {
        "customer_name": "Ada Lovelace",
        "order_type": "takeout",
        "items": [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99}],
    }
    answer = requests.post(f"http://{environment['ORDER_ADDRESS']}/orders", json=order, timeout=10)
    assert answer.status_code == 201
    number = answer.json()["order_number"]
    url = f"http://{environment['TRACKING_ADDRESS']}/orders/{number}/status"
    return eventually(lambda: requests.get(url, timeout=10).json()["current_status"] == "ready", within=25)


def test_given_servers_are_used_and_what_ends_before_it_was_ready_ends_all(
    checkout: Path, environment: dict[str, str], database_url: str, amqp_uri: str
) -> None:
    given = {"DATABASE_URL": database_url, "AMQP_URI": amqp_uri}
    with (checkout / "Procfile").open("a") as procfile:
        procfile.write("oven: sh -c 'echo out of gas; exit 3'\n")
    run = Run(checkout, {**environment, **given})
    assert run.ends() == 1
    assert not (checkout / ".devstack/postgres").exists()
    assert not (checkout / ".devstack/rabbitmq").exists()
    assert "starting it again" not in run.said
    assert "oven ended by itself, with code 3. Its last lines:\nout of gas\n" in run.said


@pytest.mark.matrix
def test_ctrl_c_ends_all_in_the_middle_of_a_pause(checkout: Path, environment: dict[str, str]) -> None:
    run = Run(checkout, environment)
    run.wait_until_ready()
    for mark in (b"postgres", b"beam", b"kitchen_service"):
        [victim] = [child for child in children(run.process.pid) if mark in command_line(child)]
        os.kill(victim, signal.SIGKILL)
    eventually(lambda: "starting it again" in run.said)
    run.process.send_signal(signal.SIGINT)
    assert run.ends(120) == 0, run.said


def test_a_port_that_is_taken_is_named_before_anything_starts(checkout: Path, environment: dict[str, str]) -> None:
    port = int(environment["TRACKING_ADDRESS"].rpartition(":")[2])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as nameko does
        taken.bind(("127.0.0.1", port))
        taken.listen()
        run = Run(checkout, environment)

        assert run.ends() == 1
    assert f"port {port}, which tracking_service needs, is in use" in run.said
    assert not (checkout / ".devstack/postgres").exists()
