"""The programs that make the load: wrk and hey for HTTP, pgbench for PostgreSQL, each on one thread."""

import csv
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devstack.postgres import programs_folder
from devstack.processes import command_for, say

ROOT = Path(__file__).absolute().parent.parent
_HERE = Path(__file__).absolute().parent
_SCRIPTS = _HERE / "wrk"
_UNPACKED = ROOT / ".devstack/bench-programs"
_UNPACK_SECONDS = 300
_MARGIN = 30  # seconds that a driver may take beyond its load
_PLACING_SECONDS = 300  # for a number of orders, however many
_CONNECTING_SECONDS = 2
# What an answer takes besides the pause before its request, about, when a rate is asked for.
_ANSWER_MS = 5.0
# Where logs are kept, in memory if possible: they would compete with commits for the disk.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  (in folders of our own)

#: Each order with an Idempotency-Key of its own; or with one of the e-mail addresses TOLD_ADDRESSES.
KEYED, TOLD = "keyed", "told"
TOLD_ADDRESSES = [f"ada{n}@example.com" for n in range(15)]

ORDER = {
    "customer_name": "Ada Lovelace",
    "order_type": "takeout",
    "items": [
        {"name": "Margherita Pizza", "quantity": 1, "price": 15.99},
        {"name": "Caesar Salad", "quantity": 2, "price": 8.99},
    ],
}


class BenchError(Exception):
    """A figure could not be measured; the text says why."""


@dataclass(frozen=True)
class Load:
    """What wrk counted. `refused` are answers of 400 and above, `broken` connections and answers that failed.

    `seconds` is the length of the load; `p50` and `p99` are milliseconds, of all answers, and of those that wrk
    would have asked for while it waited for a slow one.
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


@dataclass(frozen=True)
class Times:
    """How many there were a second, and how long each took, in milliseconds."""

    rate: float
    p50: float
    p99: float

    @classmethod
    def of(cls, rate: float, seconds: Sequence[float]) -> "Times":
        """Of what each took, in seconds."""
        percentiles = statistics.quantiles(seconds, n=100)
        return cls(rate, percentiles[49] * 1e3, percentiles[98] * 1e3)


def place_orders(
    url: str, connections: int, seconds: float, rate: float | None = None, *, with_: str = ""
) -> Load:
    """Places orders, as fast as they are answered, or `rate` a second, at random times; `with_` may be KEYED or
    TOLD."""
    arguments = [_pause(connections, rate), "0", *([with_] if with_ else [])]
    return _wrk("orders.lua", url, connections, seconds, *arguments)


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


def place_one_by_one(url: str, seconds: float) -> Times:
    """Places an order when the one before is answered: hey, which counts each answer once."""
    command: list[str | Path] = [_program("hey"), "-z", f"{seconds:g}s", "-c", "1", "-cpus", "1", "-o", "csv"]
    command += ["-m", "POST", "-T", "application/json", "-d", json.dumps(ORDER), f"{url}/orders"]
    return read_hey(_run(command, seconds, _environment()), seconds)


def commits(database_url: str, clients: int, seconds: float, rate: float | None = None) -> Times:
    """What pgbench commits of single_order.sql as a prepared statement, as fast as it can, or `rate` a second at
    random times; then the times count from when each was due."""
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
    if rate is not None:
        command += ["--rate", str(rate)]
    address: list[str | Path] = [
        "-h",
        str(at.hostname),
        "-p",
        str(at.port),
        "-U",
        str(at.username),
        at.path.strip("/"),
    ]
    with tempfile.TemporaryDirectory(prefix="expedite.", dir=MEMORY) as folder:
        command += ["--log", f"--log-prefix={folder}/times"]
        said = _run([*command, *address], seconds, {**os.environ, "PGPASSWORD": str(at.password)})
        times = [line.split() for log in Path(folder).iterdir() for line in log.read_text().splitlines()]
    return Times.of(read_pgbench(said), [int(fields[2]) / 1e6 for fields in times])


def wrk_version() -> str:
    """As wrk says it."""
    said = subprocess.run(
        [_program("wrk"), "--version"], env=_environment(), capture_output=True, text=True, timeout=10, check=False
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


def read_hey(output: str, seconds: float) -> Times:
    """Reads hey's table of answers. Raises BenchError when one is not 201, or when there are none."""
    rows = list(csv.DictReader(output.splitlines()))
    if not rows or any(row["status-code"] != "201" for row in rows):
        raise BenchError(f"hey got another answer than 201:\n{output[-500:]}")
    return Times.of(len(rows) / seconds, [float(row["response-time"]) for row in rows])


def pause_for(connections: int, rate: float) -> float:
    """The mean pause (ms) of each of the connections that makes `rate` requests a second of all of them."""
    return max(0.1, connections / rate * 1000 - _ANSWER_MS)


def _pause(connections: int, rate: float | None) -> str:
    return "0" if rate is None else f"{pause_for(connections, rate):.3f}"


def _wrk(script: str, url: str, connections: int, seconds: float, *arguments: str) -> Load:
    return read_wrk(_run(_wrk_command(script, url, connections, seconds, *arguments), seconds, _environment()))


def _wrk_command(script: str, url: str, connections: int, seconds: float, *arguments: str) -> list[str | Path]:
    command: list[str | Path] = [_program("wrk"), "-t", "1", "-c", str(connections), "--timeout", "10s"]
    return [*command, "-d", f"{max(1, round(seconds))}s", "-s", script, url, "--", *arguments]


def _program(name: str) -> str | Path:
    """Gives the machine's program, else Debian's, unpacked in .devstack (downloaded if need be)."""
    if program := shutil.which(name):
        return program
    folder = _UNPACKED / name
    if not folder.exists():
        say(f"getting {name}: downloading Debian's package (once), installing nothing")
        command: list[str | Path] = ["sh", ROOT / "devstack/unpack-packages.sh", folder, name]
        _run(command, _UNPACK_SECONDS, dict(os.environ))
    return folder / "usr/bin" / name


def _environment() -> dict[str, str]:
    libraries = ":".join(map(str, _UNPACKED.glob("*/usr/lib/*-linux-*")))
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
