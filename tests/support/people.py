"""People with accounts, as tests need them."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import requests

from common.accounts import tokens
from tests.support.expedite import SECRET_KEY, Expedite

PASSWORD = "correct horse battery"
NO_LIMITS = {
    "REGISTER_PER_ADDRESS": "",
    "SIGN_IN_PER_ADDRESS": "",
    "SIGN_IN_PER_ACCOUNT": "",
}
_numbers = itertools.count(1)


@dataclass
class Someone:
    """An account, and its token."""

    id: int
    email: str
    username: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def register(running: Expedite, name: str = "ada", role: str = "customer") -> Someone:
    """A new account with that role, signed in."""
    username = f"{name}-{next(_numbers)}"
    email = f"{username}@example.com"
    body = {"email": email, "username": username, "password": PASSWORD}
    answer = post(running, "/register", body)
    assert answer.status_code == 201, answer.text
    if role != "customer":
        running.query("update users set role = %s where email = %s", role, email)
        answer = sign_in(running, email)
        assert answer.status_code == 200, answer.text
    return Someone(answer.json()["user"]["id"], email, username, answer.json()["token"])


def session_of(who: Someone, **said: timedelta) -> str:
    """A session's token whose times are so far from now; signed in when it was issued, if nothing else is said."""
    key = tokens._key(SECRET_KEY.encode())
    claims = jwt.decode(who.token, key, ["HS256"])
    now = datetime.now(UTC)
    times = {"auth_time": said.get("iat", timedelta(0)), **said}
    return jwt.encode(
        {**claims, **{name: int((now + away).timestamp()) for name, away in times.items()}}, key, "HS256"
    )


def sign_in(running: Expedite, email: str, password: str = PASSWORD) -> requests.Response:
    """`POST /login`."""
    return post(running, "/login", {"email": email, "password": password})


def post(running: Expedite, path: str, body: Any = None, who: Someone | None = None) -> requests.Response:
    """POST to order_service, as `who`."""
    return request(running, "POST", path, body, who)


def get(running: Expedite, path: str, who: Someone | None = None, **query: Any) -> requests.Response:
    """GET from order_service, as `who`."""
    return requests.get(
        f"{running.url('order_service')}{path}", params=query, headers=who.headers if who else {}, timeout=15
    )


def request(
    running: Expedite, method: str, path: str, body: Any = None, who: Someone | None = None
) -> requests.Response:
    """Any other request to order_service, as `who`."""
    return requests.request(
        method,
        f"{running.url('order_service')}{path}",
        json=body,
        headers=who.headers if who else {},
        timeout=15,
    )
