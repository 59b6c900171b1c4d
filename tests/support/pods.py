"""The processes of the chart's containers: their very commands, in the environment that they are given and no
other, with the addresses of servers that are here."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import requests

from devstack.processes import command_for, free_port
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


# Files that cannot be written but for /tmp, a user who is not root, no capability, no way to get any: what the
# chart's securityContext asks Kubernetes for. Then the command, as the same process, for whom signals are.
_CONFINED = """
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
mount -t tmpfs -o size=16m,mode=1777 tmpfs "$0/tmp"
mount -o remount,bind,ro "$0"
user=$1 group=$2 image=$0
shift 2
exec chroot "$image" setpriv --reuid "$user" --regid "$group" --clear-groups --bounding-set=-all --inh-caps=-all \\
    --no-new-privs sh -c 'cd /expedite && exec "$@"' sh "$@"
"""


class Pods:
    """One process of each container. With `image`, the folder of an image's files, each has these for its own, and
    is confined as a pod is; without, it runs in this checkout. Logs go to `folder`."""

    def __init__(self, folder: Path, database_url: str, amqp_uri: str, image: Path | None = None) -> None:
        self._folder, self._amqp_uri, self._image = folder, amqp_uri, image
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
        command = chart.container(each)["command"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        if self._image:
            security = each["spec"]["template"]["spec"]["securityContext"]
            user, group = security["runAsUser"], security["runAsGroup"]
            command = [
                "unshare",
                "--mount",
                "sh",
                "-euc",
                _CONFINED,
                str(self._image),
                f"{user}",
                f"{group}",
                *command,
            ]
            path = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.Popen(
            command_for(command, signal.SIGKILL),
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

    def place(self) -> dict[str, str]:
        """A pizza to take away, ordered as through the proxy; gives the 201's body."""
        answer = requests.post(
            f"{self.urls['expedite-order']}/orders",
            json={"customer_name": "Ada Lovelace", "order_type": "takeout", "items": [PIZZA]},
            headers={"X-Forwarded-For": "203.0.113.7"},
            timeout=15,
        )
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def cooked(self, number: str) -> str:
        """Waits until that order is ready; gives the name of the worker who cooked it."""

        def status() -> dict[str, str]:
            answer = requests.get(f"{self.urls['expedite-tracking']}/orders/{number}/status", timeout=15)
            return answer.json()  # type: ignore[no-any-return]

        eventually(lambda: status()["current_status"] == "ready", 30)
        return status()["processed_by"]
