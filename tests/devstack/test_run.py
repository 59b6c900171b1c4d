"""`make run`, in a copy of the checkout: starts, refuses what cannot go well, and leaves nothing running."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from devstack.processes import children, command_line
from tests.devstack.conftest import Run
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.processes import processes_of


def test_the_first_run_the_printed_order_a_second_run_and_ctrl_c(
    checkout: Path, environment: dict[str, str]
) -> None:
    first = Run(checkout, environment)
    try:
        first.wait_until_ready()
        curl = re.search(r"^ *(curl .*)$", first.said, re.MULTILINE)
        assert curl is not None
        answer = json.loads(subprocess.check_output(shlex.split(curl[1]), stderr=subprocess.DEVNULL, timeout=60))
        number = answer["order_number"]
        eventually(lambda: f"{number}: Status changed from 'cooking' to 'ready'" in first.said)
        for private in ("env", "staff_password"):
            assert (checkout / ".devstack" / private).stat().st_mode & 0o777 == 0o600
        assert re.search(r"^ *order page +http://", first.said, re.MULTILINE).start() < curl.start()
        assert sign_in(environment, first.said)["role"] == "admin"
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


def sign_in(environment: dict[str, str], said: str) -> dict[str, str]:
    """Whoever signs in as staff are told to."""
    email, password = (re.search(rf"^ *{what} +(\S+)$", said, re.MULTILINE)[1] for what in ("e-mail", "password"))
    url = f"http://{environment['ORDER_ADDRESS']}/login"
    answer = requests.post(url, json={"email": email, "password": password}, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()["user"]


@pytest.mark.matrix
def test_no_account_is_made_in_a_database_that_was_given(
    checkout: Path, environment: dict[str, str], database_url: str, amqp_uri: str, expedite: Expedite
) -> None:
    run = Run(checkout, {**environment, "DATABASE_URL": database_url, "AMQP_URI": amqp_uri})
    try:
        run.wait_until_ready()
        assert expedite.query("select count(*) from users") == [(0,)]
        assert "make admin EMAIL=" in run.said
        assert not (checkout / ".devstack/staff_password").exists()
    finally:
        run.process.send_signal(signal.SIGINT)
        code = run.ends()
    assert code == 0, run.said


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
        assert sign_in(environment, again.said) == sign_in(environment, crashed.said)
        command = ". .devstack/env && alembic current"
        shell = ["sh", "-c", command]
        assert "head" in subprocess.check_output(shell, cwd=checkout, text=True, timeout=60)
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
