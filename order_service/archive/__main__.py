"""Moves orders of long ago to the archive: `python -m order_service.archive`, once a night, say.

How long ago is ARCHIVE_AFTER, in days; with 0 nothing is moved. It may run while the house is open, be killed, and
be started again.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from common.errors import Refusal
from common.postgres.sessions import open_sessions
from common.settings import load_config
from order_service.archive.archiving import archive
from order_service.settings import OrderSettings

_TOLD = 100_000  # orders after which it says how far it is


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    argparse.ArgumentParser(
        prog="python -m order_service.archive", description=__doc__.splitlines()[0]
    ).parse_args(arguments)
    logging.disable()  # what goes wrong is said once, in a sentence
    settings = OrderSettings.of(load_config(), "order_service")
    if not settings.archive_after:
        sys.stdout.write("ARCHIVE_AFTER is 0: orders stay where they are.\n")
        return 0
    moved = 0
    try:
        for more in archive(open_sessions(settings), settings.archive_after):
            moved += more
            if more and moved % _TOLD < more:
                sys.stdout.write(f"{moved} orders were moved.\n")
    except Refusal as exc:
        sys.stderr.write(f"{exc} {moved} orders were moved; start it again.\n")
        return 1
    sys.stdout.write(f"Orders older than {settings.archive_after} days: {moved} were moved to archived_orders.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
