"""Starts services as `nameko run` does, by forking a process that has imported them: a start takes a tenth of a
second of a core, not one and a half, and tests make hundreds. What is forked runs Nameko's own command from its
first line; `make run`, which tests start too, and the benchmark fork nothing.
"""

import atexit
import ctypes
import functools
import gc
import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from devstack.launcher import CHECKOUT
from devstack.processes import command_for
from tests.support.eventually import PATIENCE

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
_MAX_REQUEST = 256 * 1024  # bytes; an environment is the most of it
_START_SECONDS = 60.0
_MODULES = (
    "nameko.cli.run",
    "order_service.service",
    "kitchen_service.service",
    "tracking_service.service",
    "notifier_service.service",
)


#: Environment variables that count when a library is loaded, which is too early.
_READ_BY_IMPORTS = ("LD_PRELOAD", "PROMETHEUS_MULTIPROC_DIR", "PYTHONTZPATH")


class Forked:
    """A process that runs, as far as subprocess.Popen's ways are needed."""

    def __init__(self, pid: int, stdout: TextIO) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, -N for signal N; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code, when it has ended. Raises subprocess.TimeoutExpired after PATIENCE times `timeout` s."""
        deadline = time.monotonic() + timeout * PATIENCE
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("nameko run", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing, once it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Preloaded:
    """The process that is forked. One for each checkout that services are started in."""

    def __init__(self, checkout: Path) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.settimeout(_START_SECONDS)
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-W", "ignore", "-m", __name__, str(theirs.fileno())],
            cwd=checkout,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        atexit.register(self._close)

    def start(self, arguments: list[str], environment: Mapping[str, str]) -> Forked:
        """`nameko` with these arguments, as a child of this process; it dies with it. Raises OSError."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        request = json.dumps({"arguments": arguments, "environment": dict(environment), "files": files})
        out, into = os.pipe()
        _prctl(_SET_CHILD_SUBREAPER, 1)  # its parent ends at once, and so it is ours
        try:
            socket.send_fds(self._ours, [request.encode()], [into])
            answer = self._ours.recv(100)
        finally:
            _prctl(_SET_CHILD_SUBREAPER, 0)
            os.close(into)
        if not answer:
            raise OSError("the process that has imported the services has ended")
        return Forked(int(answer), os.fdopen(out))

    def _close(self) -> None:
        self._ours.close()
        self._process.wait(10)


def start(checkout: Path, arguments: list[str], environment: Mapping[str, str]) -> Forked | subprocess.Popen[str]:
    """`nameko` with these arguments; what it writes is to be read from `stdout`."""
    is_as_here = all(environment.get(name) == os.environ.get(name) for name in _READ_BY_IMPORTS)
    if checkout == CHECKOUT and is_as_here:
        return _preloaded(checkout).start(arguments, environment)
    return subprocess.Popen(
        command_for([Path(sys.executable).with_name("nameko"), *arguments], dies_with=signal.SIGKILL),
        cwd=checkout,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@functools.cache
def _preloaded(checkout: Path) -> Preloaded:
    return Preloaded(checkout)


def _serve(connection: socket.socket) -> list[str] | None:
    """Fork as often as asked. Returns in each child, with its command line, and at the end with None."""
    while True:
        message, fds, _, _ = socket.recv_fds(connection, _MAX_REQUEST, 1)
        if not message:
            return None
        asked = json.loads(message)
        [stdout] = fds
        told, tells = os.pipe()
        between = os.fork()
        if between == 0:
            middle = os.getpid()
            child = os.fork()
            if child:
                os.write(tells, str(child).encode())
                os._exit(0)
            connection.close()
            os.close(told)
            os.close(tells)
            _become(asked, stdout, middle)
            return ["nameko", *asked["arguments"]]
        os.close(tells)
        os.close(stdout)
        _WAITPID(between, 0)  # by now the child is a child of whoever asked
        connection.sendall(os.read(told, 100))
        os.close(told)


def _become(asked: dict[str, object], stdout: int, middle: int) -> None:
    """The process that was asked for: its output, its environment, its limit of files."""
    while os.getppid() == middle:
        os.sched_yield()
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(stdout, 1)
    os.dup2(stdout, 2)
    os.close(stdout)
    environment, files = asked["environment"], asked["files"]
    assert isinstance(environment, dict)
    assert isinstance(files, list)
    os.environ.clear()
    os.environ.update(environment)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[0], files[1]))


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option})")


_WAITPID = os.waitpid  # before it waits as a green thread does

if __name__ == "__main__":
    import eventlet
    from nameko.cli.main import main

    ours = socket.socket(fileno=int(sys.argv[1]))
    eventlet.monkey_patch()
    for module in _MODULES:
        importlib.import_module(module)
    gc.freeze()
    arguments = _serve(ours)
    if arguments is not None:
        sys.argv = arguments
        sys.exit(main())
