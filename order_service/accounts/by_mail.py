"""What is done by e-mail: a new account, a new password for who forgot theirs, and a new address.

Whoever asks for a letter is answered the same, after the same work, whether the address has an account or not: a
row is written, and which letter it becomes, if any, the notifier finds out when it sends it. What a letter's link
may do is done once, since it makes the account's version go up, which the link names; looking at the link's page
does nothing, so a mailbox that opens links by itself uses none up.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from common.accounts import links
from common.accounts.identity import Caller
from common.errors import LinkEnded, NoMail, Taken
from common.http.answer import Accepted
from common.notifications import addresses, deliveries
from common.observability import logs
from common.orders.lifecycle import CUSTOMER
from order_service.accounts import account_forms, accounts, passwords
from order_service.accounts.sign_ins import SignIns, address_of, shown

_OVER = "This link is not good any more. Ask for a new one."
_SENT = "A letter is on its way to that address, if it can be reached."

_HAS_ACCOUNT = text("select exists (select 1 from users where email = :email)")
_IS_OPEN = text("""
    select email from users where id = :id and token_version = :version and disabled_at is null
""")
_RESET_PASSWORD = text("""
    update users set password_hash = :new, token_version = token_version + 1
    where id = :id and token_version = :version and disabled_at is null
    returning id, email, username, role
""")
_SET_EMAIL = text("""
    with before as (select id, email from users where id = :id)
    update users set email = :email, token_version = token_version + 1
    from before where users.id = before.id and token_version = :version and disabled_at is null
    returning users.id, users.email, users.username, users.role, before.email as email_before
""")


class ByMail(SignIns):
    """Everything raises NoMail where no e-mails are sent, and Unavailable without PostgreSQL; what takes a link
    raises LinkEnded for one that is over. Keeps nothing for a worker, so all share it."""

    @property
    def is_on(self) -> bool:
        """Whether letters can be sent."""
        return self._settings.sends_mail

    # --- a new account -----------------------------------------------------------------------------------

    def register(self, body: object, caller: Caller) -> Accepted:
        """Ask for an account: a letter leads on, or says that there is one. Raises Invalid and TooManyRequests."""
        self.must_be_on()
        address = address_of(caller)
        self.limits.registering(address)
        return self._asked(deliveries.REGISTER, account_forms.mailbox(body), address)

    def invited(self, link: object) -> str:
        """The e-mail that a link to finish a registration is for."""
        self.must_be_on()
        email = links.read(links.REGISTER, link, self._keys).subject
        with self._sessions.single() as session:
            if session.execute(_HAS_ACCOUNT, {"email": email}).scalar_one():
                raise LinkEnded("There is an account with this e-mail now. Sign in to it.")
        return email

    def finish(self, body: object, caller: Caller) -> dict[str, object]:
        """Make the account that a letter's link is for; returns it with a token. Raises Invalid, Taken for the
        name, and TooManyRequests."""
        self.must_be_on()
        address = address_of(caller)
        self.limits.registering(address)
        wanted = account_forms.finished_registration(body)
        email = self.invited(wanted["link"])
        password_hash = passwords.hashed(wanted["password"])
        try:
            with self._sessions.single() as session:
                user = accounts.add(session, email, wanted["username"], password_hash, CUSTOMER)
                addresses.confirm(session, email)
        except Taken as refusal:
            if refusal.extra["field"] == "email":
                raise LinkEnded("There is an account with this e-mail now. Sign in to it.") from refusal
            raise
        logs.event("user_registered", f"user {user.id} registered", user_id=user.id, address=address)
        return self.token_for(user)

    # --- a forgotten password ----------------------------------------------------------------------------

    def forgot(self, body: object, caller: Caller) -> Accepted:
        """Ask for a letter with which one can choose a new password. Raises Invalid and TooManyRequests."""
        self.must_be_on()
        return self._asked(deliveries.PASSWORD_RESET, account_forms.mailbox(body), address_of(caller))

    def forgetful(self, link: object) -> str:
        """The e-mail of the account that a link to choose a new password is for."""
        self.must_be_on()
        return self._open(*self._account(links.PASSWORD_RESET, link))

    def reset(self, body: object, caller: Caller) -> dict[str, object]:
        """Give the account that a letter's link is for a new password, which voids all its tokens; returns it.
        Raises Invalid and TooManyRequests."""
        self.must_be_on()
        address = address_of(caller)
        self.limits.signing_in_from(address)
        wanted = account_forms.reset(body)
        user_id, version = self._account(links.PASSWORD_RESET, wanted["link"])
        self._open(user_id, version)
        new = passwords.hashed(wanted["new_password"])
        with self._sessions.begin() as session:
            user = session.execute(_RESET_PASSWORD, {"id": user_id, "version": version, "new": new}).one_or_none()
            if user is None:
                raise LinkEnded(_OVER)
            deliveries.letter(session, deliveries.PASSWORD_CHANGED, user.email, user_id=user.id)
            addresses.confirm(session, user.email)
        logs.event(
            "password_reset", f"user {user.id} has a new password, by a letter", user_id=user.id, address=address
        )
        return shown(user)

    # --- a new address -----------------------------------------------------------------------------------

    def change_address(self, body: object, caller: Caller) -> Accepted:
        """Ask for a letter to one's new address, with which it becomes the account's. Raises Invalid,
        Unauthorized, Forbidden for a wrong password, and TooManyRequests."""
        self.must_be_on()
        person = self.signed_in(caller)
        wanted = account_forms.new_address(body)
        self.limits.asking_for_a_letter(person.address)
        user = self.by_password(person, wanted["password"])
        self.limits.writing_to(wanted["email"], person.address)
        with self._sessions.begin() as session:
            data = {"version": user.token_version}
            deliveries.letter(session, deliveries.ADDRESS_CHANGE, wanted["email"], user_id=user.id, data=data)
        logs.event("address_change_asked_for", f"by user {user.id}", user_id=user.id, address=person.address)
        return Accepted(detail=_SENT)

    def moving(self, link: object) -> str:
        """The e-mail that a link to a new address is for."""
        self.must_be_on()
        user_id, version, email = self._move(link)
        self._open(user_id, version)
        return email

    def confirm_address(self, body: object, caller: Caller) -> dict[str, object]:
        """Give the account that a letter's link is for the address that the letter came to, which voids all its
        tokens, and the links that were sent to the address of before; returns it. Raises Invalid."""
        self.must_be_on()
        user_id, version, email = self._move(account_forms.followed_link(body))
        try:
            with self._sessions.begin() as session:
                values = {"id": user_id, "version": version, "email": email}
                user = session.execute(_SET_EMAIL, values).one_or_none()
                if user is None:
                    raise LinkEnded(_OVER)
                deliveries.letter(session, deliveries.ADDRESS_CHANGED, user.email_before, user_id=user.id)
                addresses.move(session, user.email_before, email)
        except IntegrityError as exc:
            raise LinkEnded("Another account has this e-mail now.") from exc
        logs.event(
            "address_changed", f"user {user.id} has a new address", user_id=user.id, address=address_of(caller)
        )
        return shown(user)

    # --- for all of them ---------------------------------------------------------------------------------

    def must_be_on(self) -> None:
        """Raises NoMail where no e-mails are sent."""
        if not self.is_on:
            raise NoMail("This house sends no e-mails. Ask the house: it can give you a new password.")

    def _asked(self, kind: str, email: str, address: str | None) -> Accepted:
        """Has a letter written to `email`; what is done here is the same for every address."""
        self.limits.asking_for_a_letter(address)
        self.limits.writing_to(email, address)
        with self._sessions.begin() as session:
            deliveries.letter(session, kind, email)
        logs.event(f"{kind}_asked_for", "a letter was asked for", address=address)
        return Accepted(detail=_SENT)

    def _account(self, purpose: str, link: object) -> tuple[int, int]:
        """The account's id and version that a link names."""
        said = links.read(purpose, link, self._keys)
        return int(said.subject), said.version

    def _move(self, link: object) -> tuple[int, int, str]:
        """The account's id and version, and the new address, that a link names."""
        said = links.read(links.ADDRESS_CHANGE, link, self._keys)
        user_id, _, email = said.subject.partition(" ")
        return int(user_id), said.version, email

    def _open(self, user_id: int, version: int) -> str:
        """The account's e-mail, while a link of that version is good."""
        with self._sessions.single() as session:
            email: Any = session.execute(_IS_OPEN, {"id": user_id, "version": version}).scalar_one_or_none()
        if email is None:
            raise LinkEnded(_OVER)
        return str(email)
