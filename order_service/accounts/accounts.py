"""Accounts, as the service's methods see them: `accounts = Accounts()`, then `self.accounts.register(…)`."""

import logging
from collections.abc import Mapping
from typing import Any

from nameko.extensions import DependencyProvider
from sqlalchemy import text

from common.accounts import tokens
from common.accounts.access import Person
from common.accounts.identity import Caller, Identities
from common.errors import Forbidden, LastAdmin, NotFound, Taken, Unauthorized
from common.observability import logs
from common.orders.lifecycle import ADMIN, CUSTOMER
from common.postgres.provider import Postgres
from order_service import paging
from order_service.accounts import account_forms, passwords
from order_service.name_keys import name_key
from order_service.rate_limits import RateLimits
from order_service.settings import OrderSettings

_ADD = text("""
    insert into users (email, username, username_key, password_hash, role)
    values (:email, :username, :username_key, :password_hash, :role)
    on conflict do nothing
    returning id, email, username, role, token_version
""")
_EMAIL_IS_TAKEN = text("select exists (select 1 from users where email = :email)")
_BY_EMAIL = text("""
    select id, email, username, role, token_version, password_hash from users where email = :email
""")
_BY_ID = text("select password_hash from users where id = :id")
_OWN = text("select id, email, username, role from users where id = :id")
_PAGE = text("""
    select id, email, username, role, created_at from users
    where id > :after
        and (cast(:roles as text[]) is null or role = any(:roles))
        and (cast(:search as text) is null
            or position(:search in email) > 0 or position(:search_key in username_key) > 0)
    order by id limit :limit
""")
_ADMINS = text("select id from users where role = 'admin' order by id for no key update")
_SET_ROLE = text("""
    update users set role = :role, token_version = token_version + (role <> :role)::int where id = :id
    returning id, email, username, role
""")
# The hash that was checked: of two changes at once the second finds another one.
_SET_PASSWORD = text("""
    update users set password_hash = :new, token_version = token_version + 1
    where id = :id and password_hash = :checked
    returning id, email, username, role, token_version
""")


class Accounts(DependencyProvider):
    """What can be done with accounts. Everything raises Unavailable without PostgreSQL.

    Does not start without a key to sign tokens with. Keeps nothing for a worker, so all share it.
    """

    postgres = Postgres()
    limits = RateLimits()

    def setup(self) -> None:
        self._settings: OrderSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._signing_key = self._settings.signing_key()
        self._identities = Identities(self._sessions, self._signing_key)

    def get_dependency(self, worker_ctx: object) -> "Accounts":
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
        return tokens.for_session(token, self._signing_key)

    def register(self, body: object, caller: Caller) -> dict[str, object]:
        """Make a customer's account; returns it with a token. Raises Invalid, Taken and TooManyRequests."""
        address = _address(caller)
        self.limits.registering(address)
        wanted = account_forms.registration(body)
        password_hash = passwords.hashed(wanted["password"])
        with self._sessions.single() as session:
            user = add(session, wanted["email"], wanted["username"], password_hash, CUSTOMER)
        logs.event("user_registered", f"user {user.id} registered", user_id=user.id, address=address)
        return self._signed_in(user)

    def login(self, body: object, caller: Caller) -> dict[str, object]:
        """Sign in; returns the account with a token. An unknown e-mail and a wrong password look the same, and
        take the same. Raises Invalid, Unauthorized and TooManyRequests."""
        wanted = account_forms.sign_in(body)
        email, address = wanted["email"].lower(), _address(caller)
        self.limits.signing_in_from(address)
        with self._sessions.single() as session:
            user = session.execute(_BY_EMAIL, {"email": email}).one_or_none()
        user_id = None if user is None else user.id
        password_hash = None if user is None else user.password_hash
        self.limits.signing_in_as(email, address, user_id)
        if not passwords.matches(wanted["password"], password_hash) or user is None:
            message = "wrong e-mail or password"
            logs.event("sign_in_refused", message, logging.WARNING, user_id=user_id, address=address)
            raise Unauthorized("Wrong e-mail or password.")
        logs.event("signed_in", f"user {user_id} signed in", user_id=user_id, address=address)
        return self._signed_in(user)

    def change_password(self, body: object, caller: Caller) -> dict[str, object]:
        """Change one's own password, which voids all tokens so far; returns the account with a new one.

        Raises Invalid, Unauthorized, Forbidden for a wrong current password, and TooManyRequests.
        """
        person = self._identities.of(caller)
        person.must_be_signed_in()
        wanted = account_forms.new_password(body)
        if person.user_id is None:
            raise Forbidden("Name a user: a call that names nobody has no password.")
        trace: dict[str, Any] = {"user_id": person.user_id, "address": person.address}
        self.limits.signing_in_from(person.address)
        self.limits.signing_in_as(person.user_id, **trace)
        with self._sessions.single() as session:
            current = session.execute(_BY_ID, {"id": person.user_id}).scalar_one()
        if not passwords.matches(wanted["current_password"], current):
            logs.event("password_change_refused", "wrong current password", logging.WARNING, **trace)
            raise Forbidden("The current password is wrong.")
        new = passwords.hashed(wanted["new_password"])
        with self._sessions.single() as session:
            parameters = {"id": person.user_id, "checked": current, "new": new}
            user = session.execute(_SET_PASSWORD, parameters).one_or_none()
        if user is None:
            raise Unauthorized("The password has changed meanwhile; sign in again.")
        logs.event("password_changed", f"user {user.id} changed their password", **trace)
        return self._signed_in(user)

    def own(self, caller: Caller) -> dict[str, object]:
        """One's own account. Raises Unauthorized for a guest, Forbidden for a call that names nobody."""
        person = self._identities.of(caller)
        person.must_be_signed_in()
        if person.user_id is None:
            raise Forbidden("Name a user: a call that names nobody has no account.")
        with self._sessions.single() as session:
            return _shown(session.execute(_OWN, {"id": person.user_id}).one())

    def page(self, query: object, caller: Caller) -> dict[str, object]:
        """The accounts, oldest first, a page at a time; with `role` (one or several, separated by commas) those
        who have it, with `search` those who have that in their name or e-mail. For admins. Raises Invalid."""
        self._identities.of(caller).must_be_admin()
        asked = paging.read(query)
        after = asked.cursor_of({"id": int}) or {"id": 0}
        wanted = {**account_forms.people(asked.filters), "after": after["id"], "limit": asked.limit + 1}
        with self._sessions.single() as session:
            rows = session.execute(_PAGE, wanted).all()
        users = [{**_shown(row), "created_at": row.created_at} for row in rows]
        return asked.page(users, lambda user: {"id": user["id"]})

    def set_role(self, user_id: Any, body: object, caller: Caller) -> dict[str, object]:
        """Give somebody a role, which voids their tokens. For admins.

        Raises NotFound, Invalid, and LastAdmin when nobody would be left to undo it.
        """
        person = self._identities.of(caller)
        person.must_be_admin()
        role = account_forms.role(body)
        number = int(user_id) if str(user_id).isdecimal() and len(str(user_id)) <= 18 else -1
        with self._sessions.begin() as session:
            # Of two who demote each other one comes second, and is no admin any more.
            admins = session.execute(_ADMINS).scalars().all()
            if person.user_id is not None and person.user_id not in admins:
                raise Unauthorized("The role has changed; sign in again.")
            if role != ADMIN and list(admins) == [number]:
                raise LastAdmin("Make somebody else an admin first.")
            user = session.execute(_SET_ROLE, {"id": number, "role": role}).one_or_none()
            if user is None:
                raise NotFound("There is no such user.")
        logs.event("role_changed", f"user {user.id} is {role}", user_id=user.id, role=role, by=person.user_id)
        return _shown(user)

    def _signed_in(self, user: Any) -> dict[str, object]:
        claims = tokens.Claims(user.id, user.role, user.token_version)
        return {"user": _shown(user), "token": tokens.issue(claims, self._signing_key)}


def add(session: Any, email: str, username: str, password_hash: str, role: str) -> Any:
    """The row of a new account. Raises Taken."""
    user = session.execute(
        _ADD,
        {
            "email": email,
            "username": username,
            "username_key": name_key(username),
            "password_hash": password_hash,
            "role": role,
        },
    ).one_or_none()
    if user is None:
        field = "email" if session.execute(_EMAIL_IS_TAKEN, {"email": email}).scalar_one() else "username"
        raise Taken(f"There is an account with that {field}.", {"field": field})
    return user


def _shown(user: Any) -> dict[str, object]:
    return {"id": user.id, "email": user.email, "username": user.username, "role": user.role}


def _address(caller: Caller) -> str | None:
    return caller.get("address") if isinstance(caller, Mapping) else None
