"""A new password for somebody who forgot theirs: `python -m order_service.accounts.password EMAIL`.

It is asked for on the terminal, or else is the first line of standard input. Whoever is signed in to the account
is no more. Where e-mails are sent, people do this by themselves.
"""

import argparse
import logging
import sys

from sqlalchemy import text

from common.errors import NotFound, Refusal
from common.postgres.sessions import open_sessions
from common.settings import load_config
from order_service.accounts import account_forms, passwords
from order_service.accounts.admin import ask_password
from order_service.settings import OrderSettings

_SET = text("""
    update users set password_hash = :new, token_version = token_version + 1 where email = :email returning id
""")


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="order_service.accounts.password", description=__doc__)
    parser.add_argument("email", help="of the account")
    arguments = parser.parse_args()
    logging.disable()  # what goes wrong is said once, in a sentence
    try:
        print(set_password(arguments.email))  # noqa: T201
    except Refusal as exc:
        wrong = [error["message"] for error in exc.extra.get("errors", [])]
        print("\n".join(wrong) or str(exc), file=sys.stderr)  # noqa: T201
        return 1
    return 0


def set_password(email: str) -> str:
    """Give the account a password; returns what was done. Raises a Refusal."""
    sessions = open_sessions(OrderSettings.of(load_config(), "order_service"))
    new = passwords.hashed(account_forms.chosen_password(ask_password(email)))
    with sessions.begin() as session:
        if session.execute(_SET, {"email": email.strip().lower(), "new": new}).one_or_none() is None:
            raise NotFound("There is no account with that e-mail.")
    return f"{email} has a new password, and is signed out everywhere."


if __name__ == "__main__":
    sys.exit(main())
