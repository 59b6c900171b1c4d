"""What the house holds about people, as the service's methods see it: `personal_data = PersonalData()`."""

from typing import Any

from nameko.extensions import DependencyProvider

from common.accounts.identity import Caller, Identities
from common.postgres.provider import Postgres
from common.postgres.sessions import Sessions
from common.settings import Settings
from order_service.personal_data import dead_letters, erasure, export
from order_service.personal_data.whose import find
from order_service.settings import OrderSettings


class PersonalData(DependencyProvider):
    """For admins, and for operators by RPC. Keeps nothing for a worker, so all share it."""

    postgres = Postgres()

    def setup(self) -> None:
        self._settings: OrderSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._identities = Identities(self._sessions, self._settings.signing_keys())

    def get_dependency(self, worker_ctx: object) -> "PersonalData":
        return self

    def export(self, whose: object, caller: Caller) -> dict[str, Any]:
        """All that there is about somebody. Raises Unauthorized, Forbidden, and what `exported()` does."""
        self._identities.of(caller).must_be_admin()
        return exported(self._sessions, self._settings, whose)

    def erase(self, whose: object, caller: Caller) -> dict[str, Any]:
        """Erase somebody. Raises Unauthorized, Forbidden, and what `erasure.erase()` does."""
        self._identities.of(caller).must_be_admin()
        return erasure.erase(self._sessions, self._settings, whose)


def exported(sessions: Sessions, settings: Settings, whose: object) -> dict[str, Any]:
    """All that there is about an account, by its id or e-mail, a guest by the e-mail of their orders, or one order
    by its number. Raises Invalid, NotFound, and Unavailable when PostgreSQL or RabbitMQ is away."""
    with sessions.begin() as session:
        numbers = find(session, whose).numbers(session)
    letters = dead_letters.bodies(settings, numbers)
    return export.document(sessions, whose, letters)
