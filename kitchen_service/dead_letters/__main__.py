"""Dead letters on the command line.

python -m kitchen_service.dead_letters list [--queue kitchen.takeout] [--reason CookFailed]
python -m kitchen_service.dead_letters show ID
python -m kitchen_service.dead_letters replay ID | --all [--queue …] [--reason …]
python -m kitchen_service.dead_letters drop ID | --all [--queue …] [--reason …]
"""

import argparse
import sys
from collections.abc import Sequence

from common import codec
from common.errors import NotFound, Unavailable
from common.postgres.sessions import open_sessions
from common.rabbitmq import broker
from common.settings import Settings, load_config
from kitchen_service.dead_letters.letters import DeadLetters
from kitchen_service.stove import SERVICE_NAME


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m kitchen_service.dead_letters", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("list", "show", "replay", "drop"):
        command = commands.add_parser(name)
        if name != "list":
            command.add_argument("id", nargs="?" if name != "show" else None)
        if name != "show":
            command.add_argument("--queue", help="only those of this queue")
            command.add_argument("--reason", help="only those whose reason contains this")
        if name in ("replay", "drop"):
            command.add_argument("--all", action="store_true", help="all that --queue and --reason leave")
    given = parser.parse_args(arguments)
    if given.command in ("replay", "drop") and (given.id is None) == (not given.all):
        parser.error("name one letter, or say --all")
    settings = Settings.of(load_config(), SERVICE_NAME)
    letters = DeadLetters().use(open_sessions(settings), settings)
    try:
        if given.command == "list":
            found = letters.summaries(given.queue, given.reason)
        elif given.command == "show":
            found = [letters.show(given.id)]
        else:
            # --all without a filter: every letter's reason contains nothing.
            reason = given.reason if given.id or given.queue or given.reason else ""
            found = getattr(letters, given.command)(given.id, given.queue, reason)
    except (*broker.Lost, NotFound, Unavailable) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    for letter in found:
        sys.stdout.write(codec.dumps(letter).decode() + "\n")
    sys.stderr.write(f"{len(found)} {'listed' if given.command in ('list', 'show') else given.command}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
