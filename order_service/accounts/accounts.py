"""Accounts, as the service's methods see them: `accounts = Accounts()`, then `self.accounts.register(…)`."""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from common.accounts import tokens
from common.accounts.identity import Caller
from common.errors import Forbidden, Taken, Unauthorized
from common.http import paging
from common.notifications import deliveries
from common.observability import logs
from common.orders.lifecycle import CUSTOMER
from order_service.accounts import account_forms, managing, passwords
from order_service.accounts.sign_ins import SignIns, address_of, shown
from order_service.name_keys import name_key

_ADD = text("""
    insert into users (email, username, username_key, password_hash, role)
    values (:email, :username, :username_key, :password_hash, :role)
    on conflict do nothing
    returning id, email, username, role, token_version
""")
_EMAIL_IS_TAKEN = text("select exists (select 1 from users where email = :email)")
_BY_EMAIL = text("""
    select id, email, username, role, token_version, password_hash, disabled_at from users where email = :email
""")
_OWN = text("select id, email, username, role from users where id = :id")
_PAGE = text("""
    select id, email, username, role, created_at, disabled_at from users
    where id > :after
        and (cast(:roles as text[]) is null or role = any(:roles))
        and (cast(:search as text) is null
            or position(:search in email) > 0 or position(:search_key in username_key) > 0)
    order by id limit :limit
""")
# No token is good for longer than a week after its sign-in; a day more, for clocks that were set back.
_END_SIGN_IN = text("""
    with forgotten as (delete from ended_sign_ins where ended_at < now() - interval '8 days')
    insert into ended_sign_ins (sign_in) values (:sign_in) on conflict do nothing
""")
_END_ALL = text("update users set token_version = token_version + 1 where id = :id")
# The hash that was checked: of two changes at once the second finds another one.
_SET_PASSWORD = text("""
    update users set password_hash = :new, token_version = token_version + 1
    where id = :id and password_hash = :checked and disabled_at is null
    returning id, email, username, role, token_version
""")


class Accounts(SignIns):
    """What can be done with accounts. Everything raises Unavailable without PostgreSQL.

    Does not start without a key to sign tokens with. Keeps nothing for a worker, so all share it.
    """

    def register(self, body: object, caller: Caller) -> dict[str, object]:
        """Make a customer's account; returns it with a token. Raises Invalid, Taken and TooManyRequests."""
        address = address_of(caller)
        self.limits.registering(address)
        wanted = account_forms.registration(body)
        password_hash = passwords.hashed(wanted["password"])
        with self._sessions.single() as session:
            user = add(session, wanted["email"], wanted["username"], password_hash, CUSTOMER)
        logs.event("user_registered", f"user {user.id} registered", user_id=user.id, address=address)
        return self.token_for(user)

    def login(self, body: object, caller: Caller) -> dict[str, object]:
        """Sign in; returns the account with a token. An unknown e-mail and a wrong password look the same, and
        take the same. Raises Invalid, Unauthorized and TooManyRequests."""
        wanted = account_forms.sign_in(body)
        email, address = wanted["email"].lower(), address_of(caller)
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
        if user.disabled_at is not None:
            logs.event("sign_in_refused", "disabled", logging.WARNING, user_id=user_id, address=address)
            raise Forbidden("This account is disabled. Ask the house.")
        logs.event("signed_in", f"user {user_id} signed in", user_id=user_id, address=address)
        return self.token_for(user)

    def logout(self, caller: Caller) -> dict[str, object]:
        """End the sign-in that the caller's token is from, with all copies of its tokens. Who is signed in no more
        is told the same. Raises Unauthorized for a caller without a token of ours."""
        token = caller.get("token") if isinstance(caller, Mapping) else None
        if not token:
            raise Unauthorized("Sign in first.")
        claims = tokens.read(token, self._keys)
        with self._sessions.single() as session:
            session.execute(_END_SIGN_IN, {"sign_in": claims.sign_in})
        logs.event(
            "signed_out", f"user {claims.user_id} signed out", user_id=claims.user_id, address=address_of(caller)
        )
        return {"signed_out": True}

    def logout_everywhere(self, caller: Caller) -> dict[str, object]:
        """End all of one's sign-ins. Raises Unauthorized for a guest, Forbidden for a call that names nobody."""
        person = self.signed_in(caller)
        with self._sessions.single() as session:
            session.execute(_END_ALL, {"id": person.user_id})
        message = f"user {person.user_id} signed out everywhere"
        logs.event("signed_out_everywhere", message, user_id=person.user_id, address=person.address)
        return {"signed_out": True}

    def change_password(self, body: object, caller: Caller) -> dict[str, object]:
        """Change one's own password, which voids all tokens so far; returns the account with a new one.

        Raises Invalid, Unauthorized, Forbidden for a wrong current password, and TooManyRequests.
        """
        person = self.signed_in(caller)
        wanted = account_forms.new_password(body)
        current = self.by_password(person, wanted["current_password"]).password_hash
        new = passwords.hashed(wanted["new_password"])
        with self._sessions.begin() as session:
            parameters = {"id": person.user_id, "checked": current, "new": new}
            user = session.execute(_SET_PASSWORD, parameters).one_or_none()
            if user is None:
                raise Unauthorized("The password or the account has changed meanwhile; sign in again.")
            if self._settings.sends_mail:
                deliveries.letter(session, deliveries.PASSWORD_CHANGED, user.email, user_id=user.id)
        message = f"user {user.id} changed their password"
        logs.event("password_changed", message, user_id=user.id, address=person.address)
        return self.token_for(user)

    def own(self, caller: Caller) -> dict[str, object]:
        """One's own account. Raises Unauthorized for a guest, Forbidden for a call that names nobody."""
        person = self.signed_in(caller)
        with self._sessions.single() as session:
            return shown(session.execute(_OWN, {"id": person.user_id}).one())

    def page(self, query: object, caller: Caller) -> dict[str, object]:
        """The accounts, oldest first, a page at a time; with `role` (one or several, separated by commas) those
        who have it, with `search` those who have that in their name or e-mail. For admins. Raises Invalid."""
        self._identities.of(caller).must_be_admin()
        asked = paging.read(query)
        after = asked.cursor_of({"id": int}) or {"id": 0}
        wanted = {**account_forms.people(asked.filters), "after": after["id"], "limit": asked.limit + 1}
        with self._sessions.single() as session:
            rows = session.execute(_PAGE, wanted).all()
        users = [{**shown(row), "created_at": row.created_at, "disabled_at": row.disabled_at} for row in rows]
        return asked.page(users, lambda user: {"id": user["id"]})

    def set_role(self, user_id: Any, body: object, caller: Caller) -> dict[str, object]:
        """Give somebody a role, which voids their tokens. For admins.

        Raises NotFound, Invalid, and LastAdmin when nobody would be left to undo it.
        """
        person = self._identities.of(caller)
        person.must_be_admin()
        role = account_forms.role(body)
        with self._sessions.begin() as session:
            user = managing.set_role(session, user_id, role, person)
        logs.event("role_changed", f"user {user.id} is {role}", user_id=user.id, role=role, by=person.user_id)
        return shown(user)

    def set_disabled(self, user_id: Any, body: object, caller: Caller) -> dict[str, object]:
        """Disable somebody's account, which voids their tokens, or enable it again. For admins.

        Raises NotFound, Invalid, and LastAdmin when nobody would be left to undo it.
        """
        person = self._identities.of(caller)
        person.must_be_admin()
        disabled = account_forms.disabled(body)
        with self._sessions.begin() as session:
            user = managing.set_disabled(session, user_id, disabled, person)
        done = "disabled" if disabled else "enabled"
        logs.event(f"user_{done}", f"user {user.id} is {done}", user_id=user.id, by=person.user_id)
        return {**shown(user), "disabled_at": user.disabled_at}


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
