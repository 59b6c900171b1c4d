"""What owners of addresses do: `owners = Owners()`, then `self.owners.choose(…)`."""

from typing import Any

from nameko.extensions import DependencyProvider
from sqlalchemy import text

from common.accounts import links
from common.accounts.access import Person
from common.accounts.identity import Caller, Identities
from common.errors import Forbidden, Invalid, NoMail
from common.notifications import addresses, deliveries
from common.postgres.provider import Postgres
from notifier_service.mail import choices
from notifier_service.mail.choices import Address
from notifier_service.settings import NotifierSettings

_EMAIL = text("select email from users where id = :id")
# An account may have the address of somebody else, who is asked no oftener for that, and never who said so.
_ASK = text(f"""
    insert into mail_addresses (address, asked_at) values (:address, now())
    on conflict (address) do update set asked_at = now()
    where mail_addresses.confirmed_at is null and mail_addresses.wants <> '{choices.NOTHING}'
        and coalesce(mail_addresses.asked_at < now() - {choices.ASK_AGAIN}, true)
    returning id
""")
#: What to do about an address that is closed.
CLOSED = (
    "Whoever reads the mail of this address has said that they want none from us. If it is yours, follow the link "
    "of the letter where you said so, or choose a new password by letter, and then choose here."
)


class Owners(DependencyProvider):
    """Finds out whose address it is, by a letter's link or a sign-in, and does what they say."""

    postgres = Postgres()

    def setup(self) -> None:
        self.settings: NotifierSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._keys = self.settings.signing_keys()
        self._identities = Identities(self._sessions, self._keys)

    def get_dependency(self, worker_ctx: object) -> "Owners":
        return self

    def by_link(self, token: object, purpose: str = links.UNSUBSCRIBE) -> Address:
        """The address of a link. Raises LinkEnded."""
        with self._sessions.begin() as session:
            return choices.of_link(session, purpose, token, self._keys)

    def signed_in(self, caller: Caller) -> tuple[Person, Address]:
        """Who is signed in, and their account's address; its `id` is 0 where it has never been asked. Raises
        Unauthorized for a guest."""
        person = self._identities.of(caller)
        person.must_be_signed_in()
        with self._sessions.begin() as session:
            email = str(session.execute(_EMAIL, {"id": person.user_id}).scalar_one())
            return person, choices.of_address(session, email) or Address(0, email, choices.ONLY_READY, False)

    def choose(self, address: Address, wants: Any) -> None:
        """What its owner gets from now on. Raises Invalid for what is no choice."""
        if wants not in choices.CHOICES:
            raise Invalid.fields([{"field": "wants", "message": "Must be one of: every_step, ready, nothing."}])
        with self._sessions.begin() as session:
            choices.choose(session, address, wants)

    def confirm(self, address: Address) -> None:
        """Its owner wants news."""
        with self._sessions.begin() as session:
            addresses.confirm(session, address.address)

    def ask(self, address: Address) -> None:
        """Send a letter with a link to confirm the address of whoever is signed in, if it was sent none for a day.
        Raises Forbidden for one that is closed, and NoMail where no letters are sent."""
        if not self.settings.sends_mail:
            raise NoMail("No e-mail is sent from here.")
        if address.is_closed:
            raise Forbidden(CLOSED)
        with self._sessions.begin() as session:
            if session.execute(_ASK, {"address": address.address}).one_or_none() is not None:
                deliveries.letter(session, deliveries.CONFIRM_ADDRESS, address.address)
