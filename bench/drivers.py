"""The programs that make the load: wrk for HTTP, pgbench for PostgreSQL, each on one thread."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devstack.postgres import programs_folder
from devstack.processes import command_for, say

ROOT = Path(__file__).absolute().parent.parent
_HERE = Path(__file__).absolute().parent
_SCRIPTS = _HERE / "wrk"
_UNPACK_SECONDS = 300
_MARGIN = 30  # seconds that a driver may take beyond its load
_PLACING_SECONDS = 300  # for a number of orders, however many
_CONNECTING_SECONDS = 2
# What an answer takes besides the pause before its request, about, when a rate is asked for.
_ANSWER_MS = 5.0


class BenchError(Exception):
    """A figure could not be measured; the text says why."""


@dataclass(frozen=True)
class Load:
    """What wrk counted. `refused` are answers of 400 and above, `broken` connections and answers that failed.

    `seconds` is the length of the load; `p50` and `p99` are milliseconds, of all answers.
    """

    answered: int
    refused: int
    broken: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.answered / self.seconds

    @property
    def errors(self) -> int:
        """Whatever was no good answer."""
        return self.refused + self.broken


def place_orders(url: str, connections: int, seconds: float, rate: float | None = None) -> Load:
    """Places orders, as fast as they are answered, or `rate` a second, at random times."""
    return _wrk("orders.lua", url, connections, seconds, _pause(connections, rate), "0")


def place_exactly(url: str, orders: int) -> None:
    """Places so many orders, as fast as they are answered, and few more: those that were on their way."""
    command = _wrk_command("orders.lua", url, 32, _PLACING_SECONDS, "0", str(orders))
    _run(command, _PLACING_SECONDS, _environment())


def read_statuses(url: str, numbers: Path, connections: int, seconds: float, rate: float | None = None) -> Load:
    """Asks where the orders stand whose numbers are the file's lines, in turn."""
    return _wrk("statuses.lua", url, connections, seconds, _pause(connections, rate), str(numbers))


def in_background(
    script: str, url: str, argument: str, *, connections: int, seconds: float, rate: float, log: Path
) -> subprocess.Popen[bytes]:
    """Starts a load of `rate` requests a second that goes on beside others; what it counts is in `log`."""
    command = _wrk_command(script, url, connections, seconds, _pause(connections, rate), argument)
    with log.open("wb") as output:
        return subprocess.Popen(
            command_for(command, signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd=_SCRIPTS,
        )


def commits(database_url: str, clients: int, seconds: float) -> float:
    """What pgbench commits a second, of single_order.sql as a prepared statement."""
    at = urlsplit(database_url)
    command: list[str | Path] = [
        programs_folder() / "pgbench",
        "-n",
        "-M",
        "prepared",
        "-f",
        _HERE / "single_order.sql",
    ]
    # Its clock runs while its clients connect; its rate counts from when all have.
    command += ["-c", str(clients), "-T", str(round(seconds) + _CONNECTING_SECONDS)]
    command += ["-h", str(at.hostname), "-p", str(at.port), "-U", str(at.username), at.path.strip("/")]
    return read_pgbench(_run(command, seconds, {**os.environ, "PGPASSWORD": str(at.password)}))


def wrk_version() -> str:
    """As wrk says it."""
    said = subprocess.run(
        [_wrk_program(), "--version"], env=_environment(), capture_output=True, text=True, timeout=10, check=False
    )
    return said.stdout.split(" [")[0].removeprefix("wrk ")


def read_wrk(output: str) -> Load:
    """Reads what common.lua writes. Raises BenchError when it is not there, or when nothing was answered."""
    found = re.search(r"^RESULT (\{.*\})$", output, re.MULTILINE)
    counted = json.loads(found[1]) if found else {"requests": 0, "status": 0}
    if counted["requests"] <= counted["status"]:
        raise BenchError(f"wrk got no good answer:\n{output[-500:]}")
    return Load(
        answered=counted["requests"] - counted["status"],
        refused=counted["status"],
        broken=counted["broken"],
        seconds=counted["microseconds"] / 1e6,
        p50=counted["p50"] / 1e3,
        p99=counted["p99"] / 1e3,
    )


def read_pgbench(output: str) -> float:
    """Reads pgbench's transactions a second. Raises BenchError when they are not there, or when some failed."""
    rate = re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", output, re.MULTILINE)
    if rate is None or failed is None or int(failed[1]):
        raise BenchError(f"pgbench failed:\n{output[-500:]}")
    return float(rate[1])


def pause_for(connections: int, rate: float) -> float:
    """The mean pause (ms) of each of the connections that makes `rate` requests a second of all of them."""
    return max(0.1, connections / rate * 1000 - _ANSWER_MS)


def _pause(connections: int, rate: float | None) -> str:
    return "0" if rate is None else f"{pause_for(connections, rate):.3f}"


def _wrk(script: str, url: str, connections: int, seconds: float, *arguments: str) -> Load:
    return read_wrk(_run(_wrk_command(script, url, connections, seconds, *arguments), seconds, _environment()))


def _wrk_command(script: str, url: str, connections: int, seconds: float, *arguments: str) -> list[str | Path]:
    command: list[str | Path] = [_wrk_program(), "-t", "1", "-c", str(connections), "--timeout", "10s"]
    return [*command, "-d", f"{max(1, round(seconds))}s", "-s", script, url, "--", *arguments]


def _wrk_program() -> str | Path:
    """Gives the machine's wrk, else Debian's, unpacked in .devstack (downloaded if need be)."""
    if program := shutil.which("wrk"):
        return program
    folder = _unpacked()
    if not folder.exists():
        say("getting wrk: downloading Debian's package (once), installing nothing")
        command: list[str | Path] = ["sh", ROOT / "devstack/unpack-packages.sh", folder, "wrk"]
        _run(command, _UNPACK_SECONDS, dict(os.environ))
    return folder / "usr/bin/wrk"


def _unpacked() -> Path:
    return ROOT / ".devstack/wrk"


def _environment() -> dict[str, str]:
    libraries = ":".join(map(str, _unpacked().glob("usr/lib/*-linux-*")))
    return {**os.environ, "LD_LIBRARY_PATH": libraries} if libraries else dict(os.environ)


def _run(command: list[str | Path], seconds: float, environment: Mapping[str, str]) -> str:
    """Runs a driver to its end; gives what it says. Raises BenchError when it fails or does not end."""
    try:
        done = subprocess.run(
            command_for(command, signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=_SCRIPTS,
            timeout=seconds + _MARGIN,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{command[0]} did not end") from error
    if done.returncode:
        raise BenchError(f"{command[0]} failed:\n{done.stdout[-2000:]}")
    return done.stdout
