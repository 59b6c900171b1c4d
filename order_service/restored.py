"""After the database was restored, and before the services start: `python -m order_service.restored`.

What happened after the restored moment is gone from the database, but not from the world: customers have order
numbers and are signed in, tickets are printed. So that nothing of before is taken for something of now, numbers
of orders and ids of accounts and addresses go on behind those that were given in the lost time, and everybody
signs in again. Orders that were accepted before that moment are not touched: what they miss in RabbitMQ the
sweeper sends.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.errors import Refusal
from common.postgres.sessions import open_sessions
from common.settings import load_config
from order_service.settings import OrderSettings

DEFAULT_SKIPPED = 1000
_MAX_SKIPPED = 100_000

# The house's day, and the one before, whose last orders may have been lost too.
_SKIP_NUMBERS = text("""
    insert into order_numbers as n (day, last)
    select cast(now() at time zone :zone as date) - ago, :skipped from unnest(array[0, 1]) as ago
    on conflict (day) do update set last = n.last + excluded.last
""")
_SKIP_IDS = text("""
    select setval(pg_get_serial_sequence('users', 'id'), (select coalesce(max(id), 0) from users) + :skipped),
        setval(pg_get_serial_sequence('mail_addresses', 'id'),
            (select coalesce(max(id), 0) from mail_addresses) + :skipped)
""")
# There may be many accounts, and nobody else is here.
_AS_LONG_AS_IT_TAKES = text("set local statement_timeout = 0")
_SIGN_OUT = text("update users set token_version = token_version + :skipped returning 1")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m order_service.restored", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--skip",
        type=int,
        default=DEFAULT_SKIPPED,
        help=f"more than the orders, and accounts, of the lost time; {DEFAULT_SKIPPED} by default",
    )
    skipped = parser.parse_args(arguments).skip
    if not 1 <= skipped <= _MAX_SKIPPED:
        parser.error(f"--skip is from 1 to {_MAX_SKIPPED}")
    logging.disable()  # what goes wrong is said once, in a sentence
    settings = OrderSettings.of(load_config(), "order_service")
    try:
        with open_sessions(settings).begin() as session:
            sys.stdout.write(skip(session, skipped, settings.time_zone.key) + "\n")
    except Refusal as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def skip(session: Session, skipped: int, zone: str) -> str:
    """Leave out so many numbers of orders, and ids of accounts, and void all tokens; returns what was done. `zone`
    is the house's time zone, by which orders are numbered."""
    session.execute(_SKIP_NUMBERS, {"skipped": skipped, "zone": zone})
    session.execute(_SKIP_IDS, {"skipped": skipped})
    session.execute(_AS_LONG_AS_IT_TAKES)
    people = len(session.execute(_SIGN_OUT, {"skipped": skipped}).all())
    return (
        f"The numbers of today's orders, and the ids of accounts, go on {skipped} later. "
        f"Accounts that have to sign in again: {people}."
    )


if __name__ == "__main__":
    sys.exit(main())
