"""The first admin: `make admin EMAIL=anna@example.com`, or `python -m order_service.accounts.admin EMAIL`.

Makes an admin of the account with that e-mail, and enables it. Where there is none, it is made, with a password
that is asked for on the terminal, or else is the first line of standard input. There is no default password.
"""

import argparse
import getpass
import logging
import sys

from sqlalchemy import text

from common.errors import Refusal
from common.orders.lifecycle import ADMIN
from common.postgres.sessions import open_sessions
from common.settings import load_config
from order_service.accounts import account_forms, accounts, passwords
from order_service.settings import OrderSettings

_PROMOTE = text("""
    update users set role = 'admin', disabled_at = null, token_version = token_version + (role <> 'admin')::int
    where email = :email returning id
""")


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="order_service.accounts.admin", description=__doc__)
    parser.add_argument("email", help="of the account")
    parser.add_argument("--username", help="of an account that is made; usual is the e-mail's part before the @")
    arguments = parser.parse_args()
    logging.disable()  # what goes wrong is said once, in a sentence
    try:
        print(make_admin(arguments.email, arguments.username))  # noqa: T201
    except Refusal as exc:
        wrong = [f"{error['field']}: {error['message']}" for error in exc.extra.get("errors", [])]
        print("\n".join(wrong) or str(exc), file=sys.stderr)  # noqa: T201
        return 1
    return 0


def make_admin(email: str, username: str | None) -> str:
    """Promote the account, or make it; returns what was done. Raises a Refusal."""
    sessions = open_sessions(OrderSettings.of(load_config(), "order_service"))
    with sessions.begin() as session:
        if session.execute(_PROMOTE, {"email": email.strip().lower()}).one_or_none() is not None:
            return f"{email} is an admin now."
    wanted = account_forms.registration(
        {"email": email, "username": username or email.partition("@")[0], "password": ask_password(email)}
    )
    password_hash = passwords.hashed(wanted["password"])
    with sessions.begin() as session:
        accounts.add(session, wanted["email"], wanted["username"], password_hash, ADMIN)
    return f"{email} has an account now, and is an admin."


def ask_password(email: str) -> str:
    """The password for that account, from the terminal or standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass(f"Password for {email}: ")
    if getpass.getpass("Once more: ") != password:
        sys.exit("These are two different passwords.")
    return password


if __name__ == "__main__":
    sys.exit(main())
