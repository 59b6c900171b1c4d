"""How a service, or a migration, is started, for the development stack, the tests and the benchmark alike."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.processes import DevstackError, command_for

CHECKOUT = Path(__file__).absolute().parent.parent
SERVICES = ("order_service", "kitchen_service", "tracking_service", "notifier_service")
MIGRATION_SECONDS = 120
_PROGRAMS = Path(sys.executable).parent


def address_variable(service: str) -> str:
    """The environment variable that says where a service listens: ORDER_ADDRESS."""
    return f"{service.removesuffix('_service').upper()}_ADDRESS"


def environment(
    database_url: str, amqp_uri: str, secret_key: str, addresses: Mapping[str, str], **settings: Any
) -> dict[str, str]:
    """What services are started with: this process's environment, where their servers are, host:port of each
    service by its name, and `settings` by their names in config.yml."""
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "AMQP_URI": amqp_uri,
        "SECRET_KEY": secret_key,
        "PUBLIC_URL": f"http://{addresses['order_service']}",
        "KITCHEN_URL": f"http://{addresses['kitchen_service']}",
        "TRACKING_URL": f"http://{addresses['tracking_service']}",
        "NOTIFIER_URL": f"http://{addresses['notifier_service']}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        **{address_variable(service): address for service, address in addresses.items()},
        **{name: str(value) for name, value in settings.items()},
    }


def nameko_run(module: str, config: Path) -> list[str | Path]:
    """The command that runs a service, by the name of its module."""
    return [_PROGRAMS / "nameko", "run", "--config", config, module]


def run_module(arguments: list[str], checkout: Path, given: Mapping[str, str], told: str = "") -> None:
    """Runs a module of the checkout to its end, with `told` to read. Raises DevstackError, with what it said, when
    that is not a good one."""
    done = subprocess.run(
        command_for([sys.executable, "-m", *arguments], signal.SIGKILL),
        input=told,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=given,
        cwd=checkout,
        timeout=MIGRATION_SECONDS,
        check=False,
    )
    if done.returncode:
        raise DevstackError(f"{arguments[0]} failed:\n{done.stdout}")


def migrate(database_url: str, checkout: Path = CHECKOUT) -> None:
    """Gives a database the checkout's tables. Raises DevstackError."""
    run_module(["alembic", "upgrade", "head"], checkout, {**os.environ, "DATABASE_URL": database_url})
