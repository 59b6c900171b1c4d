"""Who is signed in, by a token, and who says so by a password: what all that is done with accounts begins with."""

import logging
from collections.abc import Mapping
from typing import Any, Self

from nameko.extensions import DependencyProvider
from sqlalchemy import text

from common.accounts import tokens
from common.accounts.access import Person
from common.accounts.identity import Caller, Identities
from common.errors import Forbidden
from common.observability import logs
from common.postgres.provider import Postgres
from order_service.accounts import passwords
from order_service.rate_limits import RateLimits
from order_service.settings import OrderSettings

_BY_ID = text("select id, token_version, password_hash from users where id = :id")


class SignIns(DependencyProvider):
    """What providers for accounts have in common. Everything raises Unavailable without PostgreSQL.

    Does not start without a key to sign tokens with. Keeps nothing for a worker, so all share it.
    """

    postgres = Postgres()
    limits = RateLimits()

    def setup(self) -> None:
        self._settings: OrderSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._keys = self._settings.signing_keys()
        self._identities = Identities(self._sessions, self._keys)

    def get_dependency(self, worker_ctx: object) -> Self:
        return self

    @property
    def own_origins(self) -> frozenset[str]:
        """Of Expedite's pages."""
        return self._settings.own_origins

    def person(self, caller: Caller) -> Person:
        """Who that is. Raises Unauthorized."""
        return self._identities.of(caller)

    def session(self, token: str) -> str:
        """A sign-in's token, as a browser keeps it. Raises Unauthorized."""
        return tokens.for_session(token, self._keys)

    def signed_in(self, caller: Caller) -> Person:
        """Whose account it is. Raises Unauthorized for a guest, Forbidden for a call that names nobody."""
        person = self._identities.of(caller)
        person.must_be_signed_in()
        if person.user_id is None:
            raise Forbidden("Name a user: a call that names nobody has no account.")
        return person

    def by_password(self, person: Person, password: str) -> Any:
        """The row of somebody who is signed in and says their password once more. Raises Forbidden for a wrong
        one, and TooManyRequests."""
        trace: dict[str, Any] = {"user_id": person.user_id, "address": person.address}
        self.limits.signing_in_from(person.address)
        self.limits.signing_in_as(person.user_id, **trace)
        with self._sessions.single() as session:
            user = session.execute(_BY_ID, {"id": person.user_id}).one()
        if not passwords.matches(password, user.password_hash):
            logs.event("password_change_refused", "wrong current password", logging.WARNING, **trace)
            raise Forbidden("The current password is wrong.")
        return user

    def token_for(self, user: Any) -> dict[str, object]:
        """The account, with a token of a new sign-in."""
        claims = tokens.Claims(user.id, user.role, user.token_version)
        return {"user": shown(user), "token": tokens.issue(claims, self._keys)}


def shown(user: Any) -> dict[str, object]:
    """What is told of an account."""
    return {"id": user.id, "email": user.email, "username": user.username, "role": user.role}


def address_of(caller: Caller) -> str | None:
    """Where a web request came from."""
    return caller.get("address") if isinstance(caller, Mapping) else None
