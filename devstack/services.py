"""Runs the processes of the Procfile, and shows what they say, each line under its process's name."""

import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.processes import DevstackError, command_for, say


class Services:
    """The processes of a Procfile, one of each, as children that do not outlive this process."""

    def __init__(self, procfile: Path, environment: Mapping[str, str]) -> None:
        self._folder = procfile.parent
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        lines = [line.partition(":") for line in procfile.read_text().splitlines() if line.strip()]
        self._commands = {name.strip(): shlex.split(command) for name, _, command in lines}
        self._width = max(map(len, self._commands))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: list[threading.Thread] = []

    def start(self) -> None:
        """Starts all of them."""
        for name, command in self._commands.items():
            process = subprocess.Popen(
                command_for(command, signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for us: we stop them in order
            )
            self._processes[name] = process
            reader = threading.Thread(target=self._show, args=(name, process), daemon=True)
            reader.start()
            self._readers.append(reader)

    def check(self) -> None:
        """Raises DevstackError, with name and exit code, when one has ended by itself."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                code = process.returncode
                how = f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
                raise DevstackError(f"{name} ended by itself, {how}")

    def stop(self, grace: float, hurried: Callable[[], bool]) -> None:
        """Asks all to finish what they have in hand, and kills what runs after `grace` seconds or when hurried."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        told = False
        while running := [name for name, process in self._processes.items() if process.poll() is None]:
            waited = time.monotonic() - began
            if hurried() or waited > grace:
                for name in running:
                    self._processes[name].kill()
                    self._processes[name].wait(10)
            elif waited > 3 and not told:
                told = True
                say(
                    f"{' and '.join(running)} may finish the work in hand, for at most {grace:.0f} s; "
                    "Ctrl-C again kills"
                )
            time.sleep(0.05)
        for reader in self._readers:
            reader.join(5)

    def _show(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        for line in process.stdout:
            say(f"{name:{self._width}} | {line.decode(errors='replace').rstrip()}")
