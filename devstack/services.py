"""Runs the processes of the Procfile, and shows what they say, each line under its process's name."""

import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devstack.processes import command_for, how_it_ended, say


class Service:
    """A process of a Procfile, as a child that does not outlive this process. Start it from the main thread.

    What it says is shown under its name, for which there is `width`; with None it is not.
    """

    def __init__(
        self, name: str, command: Sequence[str], width: int | None, folder: Path, environment: Mapping[str, str]
    ):
        self.name = name
        self._command = command
        self._width = width
        self._folder = folder
        self._environment = environment
        self._said: deque[str] = deque(maxlen=20)
        self._reader: threading.Thread | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def another(self, name: str, environment: Mapping[str, str]) -> "Service":
        """A second process of the same command, not started yet."""
        given = {**environment, "PYTHONUNBUFFERED": "1"}
        return Service(name, self._command, self._width, self._folder, given)

    def start(self) -> None:
        """Starts it, for the first time or again."""
        self.process = subprocess.Popen(
            command_for(self._command, signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,  # Ctrl-C is for us: we stop them in order
        )
        self._reader = threading.Thread(target=self._show, args=(self.process,), daemon=True)
        self._reader.start()

    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        how = None if self.process is None else how_it_ended(self.process)
        if how is not None:
            self.finish_reading()
        return how

    def last_lines(self) -> str:
        """What it said last."""
        return "\n".join(self._said)

    def finish_reading(self) -> None:
        """To be called when it has ended: shows what it said to the end."""
        if self._reader is not None:
            self._reader.join(5)

    def _show(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        for line in process.stdout:
            text = line.decode(errors="replace").rstrip()
            self._said.append(text)
            if self._width is not None:
                say(f"{self.name:{self._width}} | {text}")


def services_of(procfile: Path, environment: Mapping[str, str], is_quiet: bool = False) -> list[Service]:
    """The processes that a Procfile names, not started yet."""
    lines = [line.partition(":") for line in procfile.read_text().splitlines() if line.strip()]
    width = None if is_quiet else max(len(name) for name, _, _ in lines)
    given = {**environment, "PYTHONUNBUFFERED": "1"}
    return [
        Service(name.strip(), shlex.split(command), width, procfile.parent, given) for name, _, command in lines
    ]


def stop(services: Sequence[Service], grace: float, hurried: Callable[[], bool]) -> None:
    """Asks all to finish what they have in hand, and kills what runs after `grace` seconds or when hurried."""
    running = {service.name: service.process for service in services if service.process is not None}
    for process in running.values():
        process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    told = False
    while running := {name: process for name, process in running.items() if process.poll() is None}:
        waited = time.monotonic() - began
        if hurried() or waited > grace:
            for process in running.values():
                process.kill()
                process.wait(10)
        elif waited > 3 and not told:
            told = True
            names = " and ".join(running)
            say(f"{names} may finish the work in hand, for at most {grace:.0f} s; Ctrl-C again kills")
        time.sleep(0.05)
    for service in services:
        service.finish_reading()
