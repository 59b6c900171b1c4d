"""The menu of now, as this process's orders need it."""

from nameko.extensions import SharedExtension
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.orders.builds import BUILD_SECONDS
from common.postgres.provider import Postgres
from common.postgres.sessions import Sessions, in_session
from common.snapshot import Snapshot
from order_service.menu.catalogue import Catalogue, Dish

_DISHES = text("select name, price, build, prep_seconds, available from menu_items")


class CurrentMenu(SharedExtension):
    """One for each process."""

    postgres = Postgres()

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot[Sessions, Catalogue] = Snapshot(in_session(_catalogue))

    def get(self) -> Catalogue:
        """The menu as it was at most two seconds ago. Raises Unavailable."""
        return self._snapshot.get(self.postgres.sessions)

    def forget(self) -> None:
        """This process has changed it."""
        self._snapshot.forget()


def prep_seconds(own: int | None, build: str | None) -> int | None:
    """A dish's time at speed 1: its own, or its build's; None where neither says one."""
    return own if own is not None or build is None else BUILD_SECONDS[build]


def _catalogue(session: Session) -> Catalogue:
    return Catalogue(
        Dish(row.name, row.price, prep_seconds(row.prep_seconds, row.build), row.available)
        for row in session.execute(_DISHES)
    )
