"""A Redis for the tests that need one: the machine's, or else a private copy that is not installed."""

import signal
import socket
import subprocess
from pathlib import Path

from devstack.processes import command_for
from tests.support.eventually import eventually
from tests.support.packages import program


class Redis:
    """One server on 127.0.0.1, without persistence."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Until it answers."""
        path, libraries = program("redis-server", "redis-server")
        self._popen = subprocess.Popen(
            command_for(
                [path, "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder],
                dies_with=signal.SIGKILL,
            ),
            env={"LD_LIBRARY_PATH": libraries},
            stdin=subprocess.DEVNULL,
            stdout=(self._folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        eventually(self._answers)

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith(b"+PONG")

    def stop(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait(10)
