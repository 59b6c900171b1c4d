"""A Redis for the tests that need one: the machine's, or else a private copy that is not installed."""

import shutil
import signal
import socket
import subprocess
from pathlib import Path

from devstack.processes import command_for
from tests.eventually import eventually
from tests.expedite import ROOT

_UNPACK_SECONDS = 300


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
        program, libraries = _program()
        self._popen = subprocess.Popen(
            command_for(
                [program, "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder],
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


def _program() -> tuple[str, str]:
    if found := shutil.which("redis-server"):
        return found, ""
    folder = ROOT / ".devstack" / "redis-server"
    if not folder.exists():
        subprocess.run(
            [ROOT / "devstack/unpack-packages.sh", folder, "redis-server"],
            check=True,
            capture_output=True,
            timeout=_UNPACK_SECONDS,
        )
    libraries = {path.parent for path in folder.glob("usr/lib/**/*.so*")}
    return str(folder / "usr/bin/redis-server"), ":".join(map(str, libraries))
