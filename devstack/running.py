"""All of Expedite on one machine: what is started, in which order, and how it ends."""

import fcntl
import os
import secrets
import shlex
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devstack import launcher, services
from devstack.postgres import Postgres
from devstack.private_files import kept, write_private
from devstack.processes import DevstackError, is_free, say
from devstack.rabbitmq import RabbitMQ
from devstack.services import Service
from devstack.staff_account import StaffAccount, staff_account
from devstack.stopping import StopSignals
from devstack.supervision import Supervisor

READY_SECONDS = 60
# What a service may take beyond STOP_GRACE to end once its work is done.
STOP_MARGIN = 10

#: What the addresses of pages start with, and the service that has the pages.
PAGES = {
    "PUBLIC_URL": "order_service",
    "KITCHEN_URL": "kitchen_service",
    "TRACKING_URL": "tracking_service",
    "NOTIFIER_URL": "notifier_service",
}


@dataclass(frozen=True)
class Running:
    """Expedite, running. `services` and `pages` are addresses, by the names of services and of PAGES."""

    services: dict[str, str]
    pages: dict[str, str]
    environment: dict[str, str]
    supervisor: Supervisor
    account: StaffAccount | None
    seconds: float  # that it took to start
    parts: list[Service]  # that are stopped at the end; whoever starts one more adds it


@contextmanager
def running(
    checkout: Path, signals: StopSignals, settings: Mapping[str, str], is_quiet: bool = False
) -> Iterator[Running]:
    """Expedite for the length of a block, in which `supervisor.check()` has to be called several times a second.
    `settings` are names of config.yml's environment variables, and hold for all services; with `is_quiet`, what
    services say is not shown.

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
        urls = {service: f"http://{host}:{port}" for service, (host, port) in addresses.items()}
        pages = {name: os.environ.get(name) or urls[service] for name, service in PAGES.items()}
        try:
            supervisor = Supervisor()
            environment = {**_environment(state, started, supervisor, pages), **settings}
            _prepare(checkout, environment)
            parts = services.services_of(checkout / "Procfile", environment, is_quiet)
            grace = float(config["STOP_GRACE"]) + STOP_MARGIN
            started.callback(services.stop, parts, grace, signals.hurried)
            for part in parts:
                supervisor.start(part)
            _wait_until_ready(urls, supervisor)
            account = None
            if not is_given():
                account = staff_account(state, checkout, environment, urls["order_service"])
            seconds = time.monotonic() - began
            yield Running(urls, pages, environment, supervisor, account, seconds, parts)
        finally:
            signals.stopping()


def is_given() -> bool:
    """Tells whether the database is one that somebody else runs."""
    return bool(os.environ.get("DATABASE_URL"))


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


def _environment(
    state: Path, started: ExitStack, supervisor: Supervisor, pages: Mapping[str, str]
) -> dict[str, str]:
    """Starts what has to be started, and gives the environment that the services run in.

    The same stands in `.devstack/env`, for a second terminal.
    """
    exports = {"PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', os.defpath)}"}
    if is_given():
        exports["DATABASE_URL"] = os.environ["DATABASE_URL"]
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
    exports["SECRET_KEY"] = os.environ.get("SECRET_KEY") or kept(
        state / "secret_key", lambda: secrets.token_hex(32)
    )
    exports.update(pages)
    # nameko's command line warns in every process that it imports pkg_resources and eventlet.
    quiet = "ignore:::nameko.cli.main,ignore:::nameko.cli.commands"
    exports["PYTHONWARNINGS"] = os.environ.get("PYTHONWARNINGS", quiet)
    write_private(
        state / "env", "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    )
    return {**os.environ, **exports}


def _prepare(checkout: Path, environment: dict[str, str]) -> None:
    """Migrates the database, and gives it the starter menu if it has none."""
    say("bringing the database up to date")
    for module in (["alembic", "upgrade", "head"], ["order_service.menu.starter"]):
        launcher.run_module(module, checkout, environment)


def _wait_until_ready(urls: Mapping[str, str], supervisor: Supervisor) -> None:
    deadline = time.monotonic() + READY_SECONDS
    for service, url in urls.items():
        while (answer := _readiness(f"{url}/health/ready")) != "":
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
