"""Disable an account: `python -m order_service.accounts.disable EMAIL`; with --undo it can be used again.

Nobody signs in to it, and whoever is signed in is no more. An admin can do the same on the page of people.
"""

import argparse
import logging
import sys

from sqlalchemy import text

from common.accounts.access import OPERATOR, Person
from common.errors import NotFound, Refusal
from common.postgres.sessions import open_sessions
from common.settings import load_config
from order_service.accounts import managing
from order_service.settings import OrderSettings

_BY_EMAIL = text("select id from users where email = :email")


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="order_service.accounts.disable", description=__doc__)
    parser.add_argument("email", help="of the account")
    parser.add_argument("--undo", action="store_true", help="it can be used again")
    arguments = parser.parse_args()
    logging.disable()  # what goes wrong is said once, in a sentence
    try:
        print(set_disabled(arguments.email, not arguments.undo))  # noqa: T201
    except Refusal as exc:
        print(exc, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def set_disabled(email: str, disabled: bool) -> str:
    """Disable the account, or enable it again; returns what was done. Raises a Refusal."""
    sessions = open_sessions(OrderSettings.of(load_config(), "order_service"))
    with sessions.begin() as session:
        user_id = session.execute(_BY_EMAIL, {"email": email.strip().lower()}).scalar_one_or_none()
        if user_id is None:
            raise NotFound("There is no account with that e-mail.")
        managing.set_disabled(session, user_id, disabled, Person(OPERATOR))
    return f"{email} is {'disabled' if disabled else 'enabled again'}."


if __name__ == "__main__":
    sys.exit(main())
