"""From what a request says of who is asking to the person who is."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from common.accounts import tokens
from common.accounts.access import GUEST, OPERATOR, Person
from common.errors import Invalid, Unauthorized
from common.postgres.sessions import Sessions

#: Who is asking, as plain data. HTTP always says {"key": an order's secret, "token": a sign-in's, "address": where
#: from}, each of them or None. By RPC, which only operators can reach, it may also be {"user": an account's id or
#: e-mail}, or None: an operator.
Caller = dict[str, Any] | None

_PARTS = {"key", "token", "address", "user"}
_USER = "select id, username, role, token_version, disabled_at from users where"
_BY_TOKEN = text(f"""
    {_USER} id = :id and disabled_at is null
        and not exists (select 1 from ended_sign_ins where sign_in = :sign_in)
""")
_BY_ID = text(f"{_USER} id = :id")
_BY_EMAIL = text(f"{_USER} email = :email")


class Identities:
    """Finds out who callers are."""

    def __init__(self, sessions: Sessions, keys: tuple[bytes, ...]) -> None:
        self._sessions = sessions
        self._keys = keys

    def of(self, caller: Caller) -> Person:
        """The person. Raises Unauthorized for a token that is worth nothing, or a user who does not exist."""
        if caller is None:
            return Person(OPERATOR)
        if not isinstance(caller, Mapping) or not set(caller) <= _PARTS:
            raise Invalid.fields(
                [
                    {
                        "field": "caller",
                        "message": f"Must be nothing, or an object with some of: {', '.join(sorted(_PARTS))}.",
                    }
                ]
            )
        key, address = caller.get("key"), caller.get("address")
        if caller.get("token") is None and caller.get("user") is None:
            return Person(GUEST, key=key, address=address)
        user = self._signed_in(caller["token"]) if caller.get("token") is not None else self._named(caller["user"])
        return Person(user.role, user.id, user.username, key, address)

    def _signed_in(self, token: object) -> Any:
        claims = tokens.read(token, self._keys)
        user = self._find(_BY_TOKEN, id=claims.user_id, sign_in=claims.sign_in)
        if user is None or (user.role, user.token_version) != (claims.role, claims.version):
            raise Unauthorized("Signed out, or the role or the password has changed; sign in again.")
        return user

    def _named(self, name: object) -> Any:
        user = None
        if isinstance(name, int) and not isinstance(name, bool) and abs(name) < 2**63:
            user = self._find(_BY_ID, id=name)
        elif isinstance(name, str) and name.isprintable():
            user = self._find(_BY_EMAIL, email=name.lower())
        if user is None:
            raise Unauthorized("There is no such user.")
        if user.disabled_at is not None:
            raise Unauthorized("This account is disabled.")
        return user

    def _find(self, statement: Any, **by: Any) -> Any:
        with self._sessions.single() as session:
            return session.execute(statement, by).one_or_none()
