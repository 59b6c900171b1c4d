"""The account that shows somebody new what staff see: made once, with a password of its own, and only in a
database that the development stack itself runs."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack import launcher
from devstack.private_files import kept
from devstack.processes import DevstackError, say

EMAIL = "staff@expedite.example"
_USERNAME = "manager"  # "staff" is what histories call all of them


@dataclass(frozen=True)
class StaffAccount:
    """An admin's."""

    email: str
    password: str = field(repr=False)


def staff_account(state: Path, checkout: Path, environment: Mapping[str, str], url: str) -> StaffAccount | None:
    """The account of this checkout's database, made if it is not there; `url` is where order_service answers.

    None, said why, when it cannot be had: somebody has changed its password, or has its name.
    """
    file = state / "staff_password"
    is_new = not file.exists()
    account = StaffAccount(EMAIL, kept(file, lambda: secrets.token_hex(8)))
    try:
        if is_new or not _signs_in(account, url):
            module = ["order_service.accounts.admin", account.email, "--username", _USERNAME]
            launcher.run_module(module, checkout, environment, f"{account.password}\n")
            if not _signs_in(account, url):
                raise DevstackError(f"it has another password than {file}")
    except DevstackError as error:
        say(f"the account {account.email} cannot be used: {error}")
        return None
    return account


def _signs_in(account: StaffAccount, url: str) -> bool:
    body = json.dumps({"email": account.email, "password": account.password}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{url}/login", body, {"Content-Type": "application/json"}
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as error:
        if isinstance(error, urllib.error.HTTPError) and error.code == 401:
            return False
        raise DevstackError(f"signing in failed: {error}") from error
    return True
