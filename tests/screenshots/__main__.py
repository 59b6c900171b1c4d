"""`python -m tests.screenshots`: starts a restaurant on servers of its own, writes a busy evening into it, and
takes a picture of every page, into docs/screens/.

With names of pictures after it, only those; `--into` is another folder. It is evening in the pictures at any time
of the day: the house's time zone is chosen so."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import sync_playwright

from devstack import launcher
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.screenshots import evening
from tests.screenshots.pictures import PICTURES
from tests.support import people
from tests.support.browser import launch, visitors
from tests.support.expedite import ROOT, Expedite

_HOUR = 20  # of the evening


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(description="A picture of every page.")
    parser.add_argument("names", nargs="*", help="of pictures; none is all")
    parser.add_argument("--into", type=Path, default=ROOT / "docs/screens")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended
    arguments.into.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="expedite-screens-") as folder,
        _restaurant(Path(folder)) as running,
        sync_playwright() as playwright,
    ):
        staff = people.register(running, "anna", "admin")
        running.query("update users set username = 'anna', username_key = 'anna' where id = %s", staff.id)
        browser = launch(playwright, Path(folder))
        with visitors(browser, running.url("order_service")) as opened:
            for picture in PICTURES:
                if not arguments.names or picture.name in arguments.names:
                    picture.take(opened, running, staff, arguments.into)
                    print(picture.name)  # noqa: T201
        browser.close()
    return 0


@contextmanager
def _restaurant(folder: Path) -> Iterator[Expedite]:
    """Everything that has pages, and the evening."""
    zone = ZoneInfo(_evening_now())
    postgres, rabbitmq = Postgres(folder / "postgres"), RabbitMQ(folder / "rabbitmq")
    running = None
    try:
        postgres.start()
        rabbitmq.start()
        launcher.migrate(postgres.url)
        running = Expedite(postgres.url, rabbitmq.add_vhost("screens"))
        launcher.run_module(["order_service.menu.starter"], ROOT, running.environment())
        # Nothing of the evening is in a queue: nobody shall look for it there.
        here = {"TIME_ZONE": zone.key, "SWEEP_INTERVAL": 3600, "STUCK_COOKING": 600, **people.NO_LIMITS}
        running.start("order_service", **here)
        running.start("tracking_service", **here)
        running.start_worker("chef_mario", COOKING="staffed", ORDER_TYPES="dine_in,takeout", **here)
        evening.write(postgres.url, zone)
        yield running
    finally:
        if running is not None:
            for process in running.processes:
                process.stop()
        rabbitmq.stop()
        postgres.stop()


def _evening_now() -> str:
    """The zone in which it is evening. These zones' names count westwards."""
    ahead = (_HOUR - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"


if __name__ == "__main__":
    sys.exit(main())
