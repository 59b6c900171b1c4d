"""`python -m devstack run`: all of Expedite on one machine, until Ctrl-C."""

import argparse
import fcntl
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from devstack import launcher, services
from devstack.postgres import Postgres
from devstack.processes import DevstackError, is_free, say
from devstack.rabbitmq import RabbitMQ
from devstack.supervision import Supervisor

READY_SECONDS = 60
# What a service may take beyond STOP_GRACE to end once its work is done.
STOP_MARGIN = 10

ORDER = (
    '{"customer_name":"Ada Lovelace","order_type":"takeout",'
    '"items":[{"name":"Margherita Pizza","quantity":1,"price":15.99}]}'
)


class StopRequestedError(BaseException):
    """Ctrl-C, SIGTERM, or the terminal was closed."""


class StopSignals:
    """Turns the first signal to stop into StopRequestedError; the next one asks to hurry."""

    def __init__(self) -> None:
        self._received = 0
        self._stopping = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup the closed terminal is meant not to stop us.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def stopping(self) -> None:
        """From now on a signal no longer interrupts: everything is being stopped already."""
        self._stopping = True
        self._received = max(self._received, 1)

    def hurried(self) -> bool:
        """Tells whether somebody has asked again."""
        return self._received > 1

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received += 1
        if not self._stopping:
            self._stopping = True
            raise StopRequestedError


def run(checkout: Path, signals: StopSignals) -> None:
    """Starts everything, says how to use it, and stays until it is told to stop.

    What ends by itself is started again. Raises StopRequestedError when it has been told to stop, and
    DevstackError when something does not start or does not stay up; whatever was started has been stopped by then.
    """
    state = checkout / ".devstack"
    state.mkdir(exist_ok=True)
    began = time.monotonic()
    with ExitStack() as started:
        started.enter_context(_only_one(state / "lock"))
        config = _config(checkout)
        addresses = _addresses(config)
        _check_ports(addresses)
        try:
            supervisor = Supervisor()
            environment = _environment(state, started, supervisor)
            _prepare(checkout, environment)
            parts = services.services_of(checkout / "Procfile", environment)
            started.callback(services.stop, parts, float(config["STOP_GRACE"]) + STOP_MARGIN, signals.hurried)
            for part in parts:
                supervisor.start(part)
            _wait_until_ready(addresses, supervisor)
            _say_how_to_use(addresses, time.monotonic() - began)
            while True:
                supervisor.check()
                time.sleep(0.2)
        finally:
            signals.stopping()


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DevstackError(f"it runs in this checkout already, as process {file.read().strip()}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _config(checkout: Path) -> dict[str, Any]:
    with warnings.catch_warnings(action="ignore"):
        from nameko.cli.main import setup_yaml_parser  # noqa: PLC0415 - it warns of its own pkg_resources
    setup_yaml_parser()  # ${NAME:default}
    config: dict[str, Any] = yaml.safe_load((checkout / "config.yml").read_text())
    return config


def _addresses(config: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Gives host and port of every service, by name, as this machine reaches them."""
    addresses = {}
    for service, address in config["HTTP_ADDRESSES"].items():
        host, _, port = address.rpartition(":")
        addresses[service] = (host if host not in {"", "0.0.0.0"} else "127.0.0.1", int(port))  # noqa: S104
    return addresses


def _check_ports(addresses: dict[str, tuple[str, int]]) -> None:
    # A service would start all the same, and share the port's requests with whatever else listens there.
    for service, (host, port) in addresses.items():
        if not is_free(port, host):
            raise DevstackError(
                f"port {port}, which {service} needs, is in use: stop what listens there, "
                f"or give the service another with {launcher.address_variable(service)}={host}:PORT"
            )


def _environment(state: Path, started: ExitStack, supervisor: Supervisor) -> dict[str, str]:
    """Starts what has to be started, and gives the environment that the services run in.

    The same stands in `.devstack/env`, for a second terminal.
    """
    exports = {"PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', os.defpath)}"}
    if url := os.environ.get("DATABASE_URL"):
        exports["DATABASE_URL"] = url
    else:
        say("starting PostgreSQL")
        postgres = Postgres(state / "postgres")
        started.callback(postgres.stop)
        supervisor.start(postgres)
        exports["DATABASE_URL"] = postgres.url
    if uri := os.environ.get("AMQP_URI"):
        exports["AMQP_URI"] = uri
    else:
        say("starting RabbitMQ")
        rabbitmq = RabbitMQ(state / "rabbitmq", state / "rabbitmq-server")
        started.callback(rabbitmq.stop)
        supervisor.start(rabbitmq)
        exports["AMQP_URI"] = rabbitmq.amqp_uri
    exports["SECRET_KEY"] = os.environ.get("SECRET_KEY") or _kept_secret(state / "secret_key")
    # nameko's command line warns in every process that it imports pkg_resources and eventlet.
    quiet = "ignore:::nameko.cli.main,ignore:::nameko.cli.commands"
    exports["PYTHONWARNINGS"] = os.environ.get("PYTHONWARNINGS", quiet)
    _write_private(
        state / "env", "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    )
    return {**os.environ, **exports}


def _kept_secret(file: Path) -> str:
    if not file.exists():
        _write_private(file, secrets.token_hex(32))
    return file.read_text()


def _write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def _prepare(checkout: Path, environment: dict[str, str]) -> None:
    """Migrates the database, and gives it the starter menu if it has none."""
    say("bringing the database up to date")
    for module in (["alembic", "upgrade", "head"], ["order_service.menu.starter"]):
        launcher.run_module(module, checkout, environment)


def _wait_until_ready(addresses: dict[str, tuple[str, int]], supervisor: Supervisor) -> None:
    deadline = time.monotonic() + READY_SECONDS
    for service, (host, port) in addresses.items():
        while (answer := _readiness(f"http://{host}:{port}/health/ready")) != "":
            supervisor.check_first_start()
            if time.monotonic() > deadline:
                raise DevstackError(f"{service} was not ready within {READY_SECONDS} s: {answer}")
            time.sleep(0.1)


def _readiness(url: str) -> str:
    """Gives what is missing, or nothing when the service is ready."""
    try:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own address
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode(errors='replace')}"
    except OSError as error:
        return str(error)
    return ""


def _say_how_to_use(addresses: dict[str, tuple[str, int]], seconds: float) -> None:
    say(f"\nExpedite is ready, after {seconds:.0f} s:")
    for service, (host, port) in addresses.items():
        say(f"  {service:17} http://{host}:{port}")
    host, port = addresses["order_service"]
    say("Place an order:")
    say(f"  curl -H 'Content-Type: application/json' -d '{ORDER}' http://{host}:{port}/orders")
    say("In another terminal, `. .devstack/env` gives nameko and alembic all of this.")
    say("Ctrl-C stops it.\n")


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="devstack", description="Expedite on this machine.")
    parser.add_argument("command", choices=["run"], help="start everything, until Ctrl-C")
    parser.parse_args()
    signals = StopSignals()
    try:
        run(launcher.CHECKOUT, signals)
    except StopRequestedError:
        return 0
    except (DevstackError, OSError, subprocess.TimeoutExpired) as error:
        print(f"devstack: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
