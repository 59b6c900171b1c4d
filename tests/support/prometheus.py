"""A Prometheus for tests, the machine's or else a private copy of Debian's, with the deployment's rules."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import yaml

from devstack.processes import command_for, free_port
from tests.support.eventually import eventually
from tests.support.expedite import ROOT
from tests.support.packages import program

DEPLOYED = ROOT / "deploy/prometheus"


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool says of files."""
    path, libraries = program("prometheus", "promtool")
    return subprocess.run(
        [path, *arguments],
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def rules() -> list[dict[str, Any]]:
    """The deployment's alerts."""
    groups = yaml.safe_load((DEPLOYED / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


class Prometheus:
    """On 127.0.0.1, with the deployment's configuration, but that it looks each second, alerts are not waited for,
    and services are where `targets` says (host:port, by job)."""

    def __init__(self, folder: Path, targets: Mapping[str, list[str]]) -> None:
        self._folder = folder
        self._address = f"127.0.0.1:{free_port()}"
        self._popen: subprocess.Popen[bytes] | None = None
        config = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text())
        config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            del job["dns_sd_configs"]
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        alerts = yaml.safe_load((DEPLOYED / "alerts.yml").read_text())
        for group in alerts["groups"]:
            for rule in group["rules"]:
                rule["for"] = "2s"
        (folder / "alerts.yml").write_text(yaml.safe_dump(alerts))

    def start(self) -> None:
        """Until it answers."""
        path, libraries = program("prometheus", "prometheus")
        self._popen = subprocess.Popen(
            command_for(
                [
                    path,
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address={self._address}",
                ],
                dies_with=signal.SIGKILL,
            ),
            env={**os.environ, "LD_LIBRARY_PATH": libraries},
            stdin=subprocess.DEVNULL,
            stdout=(self._folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        eventually(lambda: requests.get(f"http://{self._address}/-/ready", timeout=5).status_code == 200, 30)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        found = self._get("query", query=expression.replace("$__rate_interval", "1m"))
        return found["result"]  # type: ignore[no-any-return]

    def firing(self) -> dict[str, list[dict[str, Any]]]:
        """The alerts that fire, by name."""
        by_name: dict[str, list[dict[str, Any]]] = {}
        for alert in self._get("alerts")["alerts"]:
            if alert["state"] == "firing":
                by_name.setdefault(alert["labels"]["alertname"], []).append(alert)
        return by_name

    def stop(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait(10)

    def _get(self, what: str, **parameters: str) -> dict[str, Any]:
        answer = requests.get(f"http://{self._address}/api/v1/{what}", parameters, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]  # type: ignore[no-any-return]
