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
from tests.devstack.processes import processes_of
from tests.eventually import eventually
from tests.expedite import ROOT

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


def test_given_servers_are_used_and_a_service_that_ends_ends_all(
    checkout: Path, environment: dict[str, str], database_url: str, amqp_uri: str
) -> None:
    run = Run(checkout, {**environment, "DATABASE_URL": database_url, "AMQP_URI": amqp_uri})
    run.wait_until_ready()
    assert not (checkout / ".devstack/postgres").exists()
    assert not (checkout / ".devstack/rabbitmq").exists()
    [tracking] = [child for child in children(run.process.pid) if b"tracking_service" in command_line(child)]

    os.kill(tracking, signal.SIGKILL)

    assert run.ends() == 1
    assert "tracking ended by itself, by SIGKILL" in run.said


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
