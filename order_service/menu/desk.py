"""The menu as the service's methods see it: `menu = MenuCard()`, then `self.menu.add(…)`."""

from typing import Any
from urllib.parse import quote

from nameko_sqlalchemy.database import Session
from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from common import logs
from common.builds import BUILD_SECONDS
from common.database import Postgres, Sessions
from common.errors import NotFound, Taken
from common.models import MenuItem
from common.recent import Recent, in_session
from order_service.accounts.identity import Caller, Identities
from order_service.forms import is_too_long
from order_service.looks import look
from order_service.menu import form
from order_service.menu.catalogue import Dish, Menu

_MOST = 1000  # dishes; a menu is read as a whole
_DISHES = text("select name, price, build, prep_seconds, available from menu_items")


def current(session: Session) -> Menu:
    """The menu as orders need to know it."""
    return Menu(
        Dish(row.name, row.price, _seconds(row.prep_seconds, row.build), row.available)
        for row in session.execute(_DISHES)
    )


#: This process's menu, as it was at most two seconds ago.
recent: Recent[Sessions, Menu] = Recent(in_session(current))


class MenuCard(Postgres):
    """Provides `MenuDesk`."""

    def setup(self) -> None:
        super().setup()
        self._desk = MenuDesk(self.sessions, Identities(self.sessions, self.settings.signing_key()))

    def get_dependency(self, worker_ctx: Any) -> "MenuDesk":
        return self._desk


class MenuDesk:
    """What can be done with the menu: everybody reads it, staff write it. Everything raises Unavailable without
    PostgreSQL; what is for staff raises Unauthorized and Forbidden."""

    def __init__(self, sessions: Sessions, identities: Identities) -> None:
        self._sessions = sessions
        self._identities = identities

    def read(self) -> dict[str, Any]:
        """All of it, by category and name."""
        with self._sessions.begin() as session:
            dishes = session.scalars(select(MenuItem).order_by(MenuItem.category, MenuItem.name).limit(_MOST))
            return {"items": [_shown(dish) for dish in dishes], "next": None}

    def add(self, body: Any, caller: Caller) -> dict[str, Any]:
        """Put a dish on it. Raises Invalid, and Taken also when it is full."""
        self._identities.of(caller).must_be_staff()
        dish = columns_of(form.new_dish(body))
        with self._sessions.begin() as session:
            if session.execute(select(func.count()).select_from(MenuItem)).scalar_one() >= _MOST:
                raise Taken(f"The menu is full: it has {_MOST} dishes.", {"field": "name"})
        return self._write(insert(MenuItem).values(dish).returning(MenuItem), "menu_item_added")

    def change(self, name: str, body: Any, caller: Caller) -> dict[str, Any]:
        """Change some of a dish, or sell it out ({"available": false}) and back.

        Raises Invalid, NotFound and Taken.
        """
        self._identities.of(caller).must_be_staff()
        changes = columns_of(form.changes(body))
        if not changes:
            return self._one(name)
        statement = update(MenuItem).where(_is_called(name)).values(changes)
        return self._write(statement.returning(MenuItem), "menu_item_changed")

    def remove(self, name: str, caller: Caller) -> dict[str, Any]:
        """Take a dish off it. Orders keep what they have of it. Raises NotFound."""
        self._identities.of(caller).must_be_staff()
        statement = delete(MenuItem).where(_is_called(name))
        return self._write(statement.returning(MenuItem), "menu_item_removed")

    def _one(self, name: str) -> dict[str, Any]:
        with self._sessions.begin() as session:
            dish = session.scalars(select(MenuItem).where(_is_called(name))).one_or_none()
            if dish is None:
                raise NotFound("There is no such dish on the menu.")
            return _shown(dish)

    def _write(self, statement: Any, action: str) -> dict[str, Any]:
        try:
            with self._sessions.begin() as session:
                dish = session.scalars(statement).one_or_none()
                if dish is None:
                    raise NotFound("There is no such dish on the menu.")
                shown = _shown(dish)
        except IntegrityError as exc:
            raise Taken("The menu has a dish of that name.", {"field": "name"}) from exc
        recent.forget()
        logs.event(action, f"{shown['name']} on the menu", name=shown["name"], available=shown["available"])
        return shown


def _is_called(name: object) -> ColumnElement[bool]:
    wanted = str(name)
    if is_too_long(wanted, form.LONGEST_NAME):
        raise NotFound("There is no such dish on the menu.")
    return MenuItem.name_key == look(wanted)  # which leaves out what PostgreSQL has no text for


def columns_of(dish: dict[str, Any]) -> dict[str, Any]:
    """A dish's fields as the table has them."""
    columns = dict(dish)
    if "name" in dish:
        columns["name_key"] = look(dish["name"])
    if "allergens" in dish:
        columns["allergens"] = sorted(set(dish["allergens"]))
    return columns


def _seconds(own: int | None, build: str | None) -> int | None:
    return own if own is not None or build is None else BUILD_SECONDS[build]


def _shown(dish: MenuItem) -> dict[str, Any]:
    return {
        "name": dish.name,
        "category": dish.category,
        "price": dish.price,
        "build": dish.build,
        "ingredients": dish.ingredients,
        "allergens": dish.allergens,
        "prep_seconds": _seconds(dish.prep_seconds, dish.build),
        "available": dish.available,
        "url": f"/menu/{quote(dish.name)}",
    }
