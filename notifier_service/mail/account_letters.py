"""The letters about accounts: those with a link, which is made now and stored nowhere, and those that say what has
been done.

Whoever asks for a letter gives nothing but an address. So nothing that somebody typed stands in one, and whether
the address has an account is found out here, where who asked learns nothing of it.
"""

from typing import Any

from sqlalchemy import text

from common.accounts import links
from common.postgres.sessions import Sessions
from notifier_service.deliveries.channel import Delivery, Dropped
from notifier_service.mail.letter import Letter, Link
from notifier_service.settings import NotifierSettings

_OF_ADDRESS = text("select id, username, token_version, disabled_at from users where email = :email")
_OF_ID = text("select id, username, token_version, disabled_at from users where id = :id")
_NO_ACCOUNT = Dropped("nobody has an account with this address, or it is disabled")
_OTHER_VERSION = Dropped("the account has changed since it was asked for")
_NOT_YOU = "If it was not you, there is nothing to do: without the link in this letter nothing happens."


def register(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter | Dropped:
    """Leads on to a new account; or says that there is one."""
    if _user(sessions, _OF_ADDRESS, email=delivery.recipient) is not None:
        return _account_exists(settings, "make an account with this address")
    link = links.issue(links.REGISTER, delivery.recipient, 0, settings.signing_keys())
    return Letter(
        subject="Your account: one step more",
        headline="One step more",
        paragraphs=("Choose a name and a password, and your account is made. The link is good for a day.",),
        button=Link("Make my account", f"{settings.public_url}/register/finish?link={link}"),
        notes=(f"Somebody has asked for an account with this address. {_NOT_YOU}",),
    )


def password_reset(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter | Dropped:
    """Leads on to a new password."""
    user = _user(sessions, _OF_ADDRESS, email=delivery.recipient)
    if user is None or user.disabled_at is not None:
        return _NO_ACCOUNT
    link = links.issue(links.PASSWORD_RESET, str(user.id), user.token_version, settings.signing_keys())
    return Letter(
        subject="Choose a new password",
        headline="Choose a new password",
        paragraphs=("Your old one is good until you have. The link is good for an hour, and once.",),
        button=Link("Choose it", f"{settings.public_url}/reset-password?link={link}"),
        notes=(f"Somebody has said that they forgot the password of your account. {_NOT_YOU}",),
    )


def address_change(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter | Dropped:
    """Goes to the new address, and makes it the account's; or says that it is another account's."""
    user = _user(sessions, _OF_ID, id=delivery.user_id)
    if user is None or user.disabled_at is not None:
        return _NO_ACCOUNT
    if user.token_version != delivery.data["version"]:
        return _OTHER_VERSION
    if _user(sessions, _OF_ADDRESS, email=delivery.recipient) is not None:
        return _account_exists(settings, "use this address for another account")
    subject = f"{user.id} {delivery.recipient}"
    link = links.issue(links.ADDRESS_CHANGE, subject, user.token_version, settings.signing_keys())
    return Letter(
        subject="Is this your new address?",
        headline="Is this your new address?",
        paragraphs=("If you say so, you sign in with it from now on. The link is good for a day, and once.",),
        button=Link("Yes, it is mine", f"{settings.public_url}/new-address?link={link}"),
        notes=(f"Somebody has given this address as the new one of their account. {_NOT_YOU}",),
    )


def address_changed(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter | Dropped:
    """Goes to the address of before."""
    return Letter(
        subject="Your account has another address",
        headline="Your account has another address",
        paragraphs=("It was changed from this one, and confirmed from the new one. You sign in with that now.",),
        notes=("If it was not you, tell the house at once: somebody knows your password.",),
    )


def password_changed(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter | Dropped:
    """Says so, to who may not have done it."""
    return Letter(
        subject="Your password was changed",
        headline="Your password was changed",
        paragraphs=("You are signed out everywhere else.",),
        notes=(
            "If it was not you, choose another one at once; then whoever it was is signed out.",
            Link("Choose a new password", f"{settings.public_url}/forgotten-password"),
        ),
    )


def _account_exists(settings: NotifierSettings, wanted: str) -> Letter:
    return Letter(
        subject="You have an account already",
        headline="You have an account already",
        paragraphs=(f"Somebody, you perhaps, wanted to {wanted}. There is one with it, so sign in to that.",),
        button=Link("Sign in", f"{settings.public_url}/sign-in"),
        notes=(
            "Nothing has changed. If it was not you, there is nothing to do.",
            Link("I forgot my password", f"{settings.public_url}/forgotten-password"),
        ),
    )


def _user(sessions: Sessions, statement: Any, **by: object) -> Any:
    with sessions.begin_in_background() as session:
        return session.execute(statement, by).one_or_none()
