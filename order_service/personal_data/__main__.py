"""What the house holds about one person, on the command line.

python -m order_service.personal_data export ada@example.com > ada.json
python -m order_service.personal_data erase ada@example.com

Whose: the id or the e-mail of an account, which means its orders, too; the e-mail of a guest's orders; or the
number of one order.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from common import codec
from common.errors import Refusal
from common.observability import logs
from common.postgres.sessions import open_sessions
from common.settings import load_config
from order_service.personal_data import erasure
from order_service.personal_data.personal_data import exported
from order_service.settings import OrderSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m order_service.personal_data", description=__doc__.splitlines()[0]
    )
    parser.add_argument("what", choices=("export", "erase"))
    parser.add_argument("whose", help="an account's id or e-mail, a guest's e-mail, or an order's number")
    given = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # what was done is said once, as JSON
    settings = OrderSettings.of(load_config(), "order_service")
    sessions = open_sessions(settings)
    logs.begin_request(logs.new_request_id())
    try:
        done = (exported if given.what == "export" else erasure.erase)(sessions, settings, given.whose)
    except Refusal as exc:
        wrong = [f"{error['field']}: {error['message']}" for error in exc.extra.get("errors", [])]
        sys.stderr.write("\n".join([*(wrong or [str(exc)]), *exc.extra.get("orders", [])]) + "\n")
        return 1
    sys.stdout.write(codec.dumps(done).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
