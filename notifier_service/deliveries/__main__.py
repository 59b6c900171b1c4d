"""Who was told what, on the command line.

python -m notifier_service.deliveries list [--order ORD_…] [--recipient ada@example.com] [--channel email]
                                           [--status failed] [--limit 100]
python -m notifier_service.deliveries send-again ID
"""

import argparse
import sys
from collections.abc import Sequence

from common import codec
from common.errors import Refusal
from common.http import paging
from common.postgres.sessions import open_sessions
from common.settings import Settings, load_config
from notifier_service.deliveries import records


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m notifier_service.deliveries", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    listed = commands.add_parser("list", help="the newest first, a line of JSON each")
    listed.add_argument("--order", dest="order_number", help="only those about this order")
    listed.add_argument("--recipient", help="only those to this address, or to the webhook of this number")
    listed.add_argument("--channel", help="email or webhook")
    listed.add_argument("--status", help=", ".join(records.STATUSES))
    listed.add_argument("--limit", help="1 to 100; 50 if nothing is said")
    again = commands.add_parser("send-again", help="send one once more that is over")
    again.add_argument("id")
    given = vars(parser.parse_args(arguments))
    command = given.pop("command")
    sessions = open_sessions(Settings.of(load_config(), "notifier_service"))
    try:
        with sessions.begin_in_background() as session:
            if command == "send-again":
                found = [records.send_again(session, given["id"])]
            else:
                asked = paging.read(given)
                found = records.find(session, asked)[: asked.limit]
    except Refusal as refusal:
        detail = refusal.extra.get("errors", [{"message": refusal.detail}])[0]["message"]
        print(detail, file=sys.stderr)  # noqa: T201
        return 1
    for delivery in found:
        print(codec.dumps(delivery).decode())  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
