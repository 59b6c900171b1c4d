"""`make run` and `make demo` in a copy of the checkout, in which nothing has run yet."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from devstack.processes import free_port
from devstack.rabbitmq import CACHE
from tests.support.eventually import PATIENCE, eventually
from tests.support.expedite import ROOT
from tests.support.processes import processes_of

SERVICES = ("order", "kitchen", "tracking", "notifier")
MADE = shutil.ignore_patterns(".git", ".venv*", ".devstack", "tests", "__pycache__", ".*_cache")


class Run:
    """One `python -m devstack run`, or another command, in the background, with closed standard input."""

    def __init__(self, checkout: Path, environment: Mapping[str, str], *command: str) -> None:
        self._output = checkout / "output"
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devstack", *(command or ["run"])],
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
        self.wait_until_said("Ctrl-C stops it")

    def wait_until_said(self, words: str, within: float = 100) -> None:
        eventually(lambda: words in self.said or self.process.poll() is not None, within)
        assert words in self.said, self.said

    def ends(self, within: float = 60) -> int:
        return self.process.wait(within * PATIENCE)


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
