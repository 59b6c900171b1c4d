"""What admins do with other people's accounts, so that one of them is always left who can."""

from typing import Any

from sqlalchemy import text

from common.accounts.access import Person
from common.errors import LastAdmin, NotFound, Unauthorized
from common.orders.lifecycle import ADMIN

#: SQL: the ids of those who can manage people, whose rows it locks.
ADMINS = text("""
    select id from users where role = 'admin' and disabled_at is null order by id for no key update
""")
_SET_ROLE = text("""
    update users set role = :role, token_version = token_version + (role <> :role)::int where id = :id
    returning id, email, username, role
""")
_SET_DISABLED = text("""
    update users set disabled_at = case when :disabled then coalesce(disabled_at, now()) end,
        token_version = token_version + (:disabled and disabled_at is null)::int
    where id = :id
    returning id, email, username, role, disabled_at
""")


def set_role(session: Any, user_id: object, role: str, by: Person) -> Any:
    """The account's row, with that role; a change voids its tokens. Raises NotFound, LastAdmin, and Unauthorized
    for somebody who is no admin any more."""
    if _admins(session, by) == [_number(user_id)] and role != ADMIN:
        raise LastAdmin("Make somebody else an admin first.")
    return _changed(session, _SET_ROLE, user_id, role=role)


def set_disabled(session: Any, user_id: object, disabled: bool, by: Person) -> Any:
    """The account's row, disabled, with its tokens void, or enabled again. Raises as `set_role()` does."""
    if _admins(session, by) == [_number(user_id)] and disabled:
        raise LastAdmin("Make somebody else an admin first.")
    return _changed(session, _SET_DISABLED, user_id, disabled=disabled)


def _admins(session: Any, by: Person) -> list[int]:
    """Those who can manage people, locked: of two who shut each other out one comes second, and is no admin by
    then."""
    admins = list(session.execute(ADMINS).scalars())
    if by.user_id is not None and by.user_id not in admins:
        raise Unauthorized("The role has changed; sign in again.")
    return admins


def _changed(session: Any, statement: Any, user_id: object, **values: object) -> Any:
    user = session.execute(statement, {"id": _number(user_id), **values}).one_or_none()
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _number(user_id: object) -> int:
    """An account's, by a path or a call; one that nobody has, for what is none."""
    return int(str(user_id)) if str(user_id).isdecimal() and len(str(user_id)) <= 18 else -1
