"""Starts and ends the programs of the development stack, so that none outlives the one that started it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

# An unprivileged user that every Linux has (`nobody`), for programs that refuse to run as root.
NOBODY = 65534

_MAX_RESERVATIONS = 200  # of ports; each is an open file
_reservations: deque[socket.socket] = deque()


class DevstackError(Exception):
    """Something that the person at the keyboard has to know; its text says what to do about it."""


def say(text: str) -> None:
    """Prints a line at once, whole also beside other threads'.

    When nobody reads our output any more (`make run | head`) this process is asked to stop.
    """
    try:
        sys.stdout.buffer.write(f"{text}\n".encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os.kill(os.getpid(), signal.SIGTERM)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tells whether nothing listens on the port, not even with SO_REUSEPORT."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Gives a port of 127.0.0.1 that nothing listens on, and that nobody else is given meanwhile.

    It lies below the range that the kernel takes ports of outgoing connections from: such a
    connection could otherwise take it while the server restarts. The same port of UDP, which nothing
    here uses, stays bound to say that it is taken, also to other processes.
    """
    for _ in range(1000):
        # Not the random module: tests that run side by side seed it alike, and would pick the same ports.
        port = 15000 + secrets.randbelow(15000)
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        if is_free(port):
            if len(_reservations) == _MAX_RESERVATIONS:
                _reservations.popleft().close()
            _reservations.append(reservation)
            return port
        reservation.close()
    raise DevstackError("found no free port between 15000 and 30000")


def command_for(command: Sequence[str | Path], dies_with: signal.Signals, as_nobody: bool = False) -> list[str]:
    """Gives the command that runs `command` and sends it `dies_with` when its parent thread ends.

    With `as_nobody` it runs as the user `nobody`, who may still pass through the folders of root.
    """
    prefix = ["setpriv", "--pdeathsig", dies_with.name.removeprefix("SIG")]
    if as_nobody:
        prefix += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        # The checkout may be in a folder that only root may enter. The capability to pass through it
        # counts for access(2), which initdb asks, only with the securebit.
        prefix += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
    return [*prefix, "--", *map(str, command)]


def spawn(
    command: Sequence[str | Path],
    log: Path,
    *,
    dies_with: signal.Signals,
    as_nobody: bool = False,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a program in the background, in a session of its own, and appends what it says to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command_for(command, dies_with, as_nobody),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )


def how_it_ended(process: subprocess.Popen[Any]) -> str | None:
    """Gives how a child ended, in words; None while it runs."""
    code = process.poll()
    if code is None:
        return None
    return f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"


def end(process: subprocess.Popen[Any], how: signal.Signals, grace: float) -> None:
    """Sends the signal, waits at most `grace` seconds for the process to end, and then kills it."""
    process.send_signal(how)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Asks again and again, at most for so many seconds; tells whether the condition came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def command_line(pid: int) -> bytes:
    """Gives the command line of a process, empty when it has ended (also when nobody has reaped it yet)."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def children(pid: int) -> list[int]:
    """Gives the process ids of a process's children, none when it has ended."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_for_former(pid_file: Path, mark: Path) -> None:
    """Waits for the server that an earlier, killed owner of the folder left shutting down.

    `mark` is a path that stands in that server's command line. Raises DevstackError when it is
    still there after 30 seconds.
    """
    try:
        pid = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return
    if not wait_until(lambda: os.fsencode(mark) not in command_line(pid), 30):
        raise DevstackError(f"the server of {mark} is already running, as process {pid}")


def processes_in(folder: Path, program: str) -> list[int]:
    """Gives the process ids of that program's processes in this folder, as far as they are ours to see."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder and (process / "comm").read_text().strip() == program:
                found.append(int(process.name))
    return found


def tail(log: Path, lines: int = 20) -> str:
    """Gives the last lines of a log file, or an empty text when there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
