"""The menu, as the service's methods see it: `menu = Menu()`, then `self.menu.add(…)`."""

from typing import Any
from urllib.parse import quote

from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session
from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from common.accounts.access import Person
from common.accounts.identity import Caller, Identities
from common.errors import NotFound, Taken
from common.form_fields import is_too_long
from common.observability import logs
from common.orders.tables import MenuItem
from common.postgres.provider import Postgres
from order_service.menu import dish_form
from order_service.menu.current import CurrentMenu, prep_seconds
from order_service.name_keys import name_key
from order_service.settings import OrderSettings

_MAX_DISHES = 1000  # a menu is read as a whole


class Menu(DependencyProvider):
    """What can be done with the menu: everybody reads it, staff write it. Everything raises Unavailable without
    PostgreSQL; what is for staff raises Unauthorized and Forbidden. Keeps nothing for a worker, so all share
    it."""

    postgres = Postgres()
    current = CurrentMenu()

    def setup(self) -> None:
        settings: OrderSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._identities = Identities(self._sessions, settings.signing_keys())

    def get_dependency(self, worker_ctx: object) -> "Menu":
        return self

    def staff(self, caller: Caller) -> Person:
        """Who that is. Raises Unauthorized and Forbidden for who is not staff."""
        person = self._identities.of(caller)
        person.must_be_staff()
        return person

    def read(self) -> dict[str, object]:
        """All of it, by category and name."""
        with self._sessions.begin() as session:
            dishes = session.scalars(
                select(MenuItem).order_by(MenuItem.category, MenuItem.name).limit(_MAX_DISHES)
            )
            return {"items": [_shown(dish) for dish in dishes], "next": None}

    def add(self, body: object, caller: Caller) -> dict[str, object]:
        """Put a dish on it. Raises Invalid, and Taken also when it is full."""
        self.staff(caller)
        dish = columns_of(dish_form.new_dish(body))
        with self._sessions.begin() as session:
            if session.execute(select(func.count()).select_from(MenuItem)).scalar_one() >= _MAX_DISHES:
                raise Taken(f"The menu is full: it has {_MAX_DISHES} dishes.", {"field": "name"})
        return self._write(insert(MenuItem).values(dish).returning(MenuItem), "menu_item_added")

    def change(self, name: str, body: object, caller: Caller) -> dict[str, object]:
        """Change some of a dish, or sell it out ({"available": false}) and back.

        Raises Invalid, NotFound and Taken.
        """
        self.staff(caller)
        changes = columns_of(dish_form.changes(body))
        if not changes:
            return self._one(name)
        statement = update(MenuItem).where(_is_called(name)).values(changes)
        return self._write(statement.returning(MenuItem), "menu_item_changed")

    def written(self, name: str, caller: Caller) -> dict[str, Any]:
        """A dish as staff have written it: `prep_seconds` is its own, None where its build's or its order's type's
        counts. Raises NotFound."""
        self.staff(caller)
        with self._sessions.begin() as session:
            dish = _found(session, name)
            return {**_shown(dish), "prep_seconds": dish.prep_seconds}

    def remove(self, name: str, caller: Caller) -> dict[str, object]:
        """Take a dish off it. Orders keep what they have of it. Raises NotFound."""
        self.staff(caller)
        statement = delete(MenuItem).where(_is_called(name))
        return self._write(statement.returning(MenuItem), "menu_item_removed")

    def _one(self, name: str) -> dict[str, object]:
        with self._sessions.begin() as session:
            return _shown(_found(session, name))

    def _write(self, statement: Any, action: str) -> dict[str, object]:
        try:
            with self._sessions.begin() as session:
                dish = session.scalars(statement).one_or_none()
                if dish is None:
                    raise NotFound("There is no such dish on the menu.")
                shown = _shown(dish)
        except IntegrityError as exc:
            raise Taken("The menu has a dish of that name.", {"field": "name"}) from exc
        self.current.forget()
        logs.event(action, f"{shown['name']} on the menu", name=shown["name"], available=shown["available"])
        return shown


def _found(session: Session, name: str) -> MenuItem:
    dish = session.scalars(select(MenuItem).where(_is_called(name))).one_or_none()
    if dish is None:
        raise NotFound("There is no such dish on the menu.")
    return dish


def _is_called(name: object) -> ColumnElement[bool]:
    wanted = str(name)
    if is_too_long(wanted, dish_form.MAX_NAME):
        raise NotFound("There is no such dish on the menu.")
    return MenuItem.name_key == name_key(wanted)  # which leaves out what PostgreSQL has no text for


def columns_of(dish: dict[str, Any]) -> dict[str, Any]:
    """A dish's fields as the table has them."""
    columns = dict(dish)
    if "name" in dish:
        columns["name_key"] = name_key(dish["name"])
    if "allergens" in dish:
        columns["allergens"] = sorted(set(dish["allergens"]))
    return columns


def _shown(dish: MenuItem) -> dict[str, object]:
    return {
        "name": dish.name,
        "category": dish.category,
        "price": dish.price,
        "build": dish.build,
        "ingredients": dish.ingredients,
        "allergens": dish.allergens,
        "prep_seconds": prep_seconds(dish.prep_seconds, dish.build),
        "available": dish.available,
        "url": f"/menu/{quote(dish.name)}",
    }
