"""What the chart's containers run, run for real: their very commands, in the environment that they are given and
no other, with the addresses of servers that are here. What a cluster adds (users, read-only files, networks) is
not in it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from devstack.postgres import Postgres
from devstack.processes import command_for, free_port
from tests.conftest import copied_database
from tests.support import chart
from tests.support.chart import CHART, Object
from tests.support.eventually import eventually
from tests.support.expedite import PIZZA, ROOT

_START_SECONDS = 60.0
_MIGRATION_SECONDS = 120
#: Two groups, one of which cooks a pizza in a tenth of a second.
_GROUPS = [
    {"name": "house", "orderTypes": ["dine_in"], "replicas": {"min": 1, "max": 1}},
    {
        "name": "away",
        "orderTypes": ["takeout", "delivery"],
        "replicas": {"min": 1, "max": 1},
        "settings": {"COOKING_SPEED": 100},
    },
]
VALUES = {**chart.values_of(CHART, "small"), "kitchen": {"groups": _GROUPS}}


class Pods:
    """The processes of the chart's containers, one of each."""

    def __init__(self, folder: Path, database_url: str, amqp_uri: str) -> None:
        self._folder, self._amqp_uri = folder, amqp_uri
        self._objects = chart.render(CHART, VALUES)
        self._secrets = {
            "expedite": {"SECRET_KEY": "only-for-tests-" + "x" * 32},
            "expedite-postgresql-app": {"uri": database_url},
            "expedite-rabbitmq-default-user": {"username": "mario", "password": "basil"},
        }
        self.deployments = chart.of_kind(self._objects, "Deployment")
        self.urls: dict[str, str] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def migrate(self) -> None:
        """What the hook runs, to its end."""
        [job] = chart.of_kind(self._objects, "Job")
        assert self._run(job, "migrate").wait(_MIGRATION_SECONDS) == 0, self._log("migrate")

    def start(self) -> None:
        """All Deployments' containers, until each is ready by the probe that Kubernetes asks."""
        for each in self.deployments:
            name = each["metadata"]["name"]
            self.running[name] = self._run(each, name)
        for each in self.deployments:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                path = chart.container(each)[probe]["httpGet"]["path"]
                eventually(lambda each=each, path=path: self._answers(each, path), _START_SECONDS)

    def stop(self) -> dict[str, int]:
        """As a rollout does, within the time that the pods have; gives exit codes."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        grace = self.deployments[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        return {name: process.wait(grace) for name, process in self.running.items()}

    def kill(self) -> None:
        for name, process in self.running.items():
            if process.poll() is None:
                process.kill()
                process.wait(10)
            sys.stdout.write(f"--- {name}\n{self._log(name)[-3000:]}\n")

    def _run(self, each: Object, name: str) -> "subprocess.Popen[bytes]":
        found = chart.environment(each, self._secrets, f"{name}-6d5f9c7b8-x2k4q")
        if "AMQP_URI" in found:
            assert found["AMQP_URI"] == "amqp://mario:basil@expedite-rabbitmq:5672/"
            found["AMQP_URI"] = self._amqp_uri
        for variable in [variable for variable, value in found.items() if value.startswith("0.0.0.0:")]:
            found[variable] = f"127.0.0.1:{free_port()}"
            self.urls[name] = f"http://{found[variable]}"
        # The image's PATH and working directory.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.Popen(
            command_for(chart.container(each)["command"], signal.SIGKILL),
            env={"PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore", **found},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=(self._folder / name).open("wb"),
            stderr=subprocess.STDOUT,
        )

    def _answers(self, each: Object, path: str) -> bool:
        name = each["metadata"]["name"]
        assert self.running[name].poll() is None, f"{name} ended: {self._log(name)}"
        return requests.get(self.urls[name] + path, timeout=5).status_code == 200

    def _log(self, name: str) -> str:
        return (self._folder / name).read_text()


@pytest.fixture
def pods(tmp_path: Path, postgres: Postgres, amqp_uri: str) -> Iterator[Pods]:
    with copied_database(postgres.url, template="template0") as database_url:
        started = Pods(tmp_path, database_url, amqp_uri)
        yield started
        started.kill()


def test_tables_are_made_services_come_up_and_an_order_is_cooked(pods: Pods) -> None:
    pods.migrate()
    pods.start()
    assert len(pods.running) == 5
    order = {"customer_name": "Ada Lovelace", "order_type": "takeout", "items": [PIZZA]}
    # As from the proxy.
    placed = requests.post(
        f"{pods.urls['expedite-order']}/orders",
        json=order,
        headers={"X-Forwarded-For": "203.0.113.7"},
        timeout=15,
    )
    assert placed.status_code == 201, placed.text
    assert placed.json()["tracking_url"].startswith("https://orders.example.com/track/")
    number = placed.json()["order_number"]

    def status() -> dict[str, str]:
        answer = requests.get(f"{pods.urls['expedite-tracking']}/orders/{number}/status", timeout=15)
        return answer.json()  # type: ignore[no-any-return]

    eventually(lambda: status()["current_status"] == "ready", 30)
    assert status()["processed_by"] == "expedite-kitchen-away-6d5f9c7b8-x2k4q"
    assert set(pods.stop().values()) == {0}
