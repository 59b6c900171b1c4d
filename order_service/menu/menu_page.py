"""The menu, for staff: what is sold out, with one touch; what is on it, and what stands there of a dish."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from common.accounts.access import Person
from common.accounts.identity import Caller
from common.errors import Invalid, NotFound, Refusal, Taken
from common.orders.allergens import ALLERGENS
from common.orders.builds import BUILDS
from common.pages import Page, Redirect
from common.pages.entrypoint import Form
from order_service.menu import dish_fields, sections
from order_service.menu.catalogue import tag
from order_service.menu.dish_fields import Fields
from order_service.menu.menu import Menu

Query = Mapping[str, str]


def show(menu: Menu, query: Query, caller: Caller) -> Page:
    """The page; with `dish` (a tag) in the query that dish is open to be changed, with `new` a new one. Raises
    Unauthorized and Forbidden, as all of these do."""
    person = menu.staff(caller)
    if "new" in query:
        return _page(menu, person, query, fields=Fields())
    if "dish" not in query:
        return _page(menu, person, query)
    try:
        name = _called_by_tag(menu, query["dish"])
        return _page(menu, person, query, fields=dish_fields.of_dish(menu.written(name, caller)), name=name)
    except NotFound as refusal:
        return _page(menu, person, query, refusal=refusal)


def sell_out(menu: Menu, name: str, form: Form, query: Query, caller: Caller) -> Page | Redirect:
    """Sells a dish out, or brings it back. A script gets the parts of the page that say so; a browser goes back to
    the page, to the dish."""
    person = menu.staff(caller)
    try:
        dish: Any = menu.change(name, {"available": form.get("available") == "yes"}, caller)
    except NotFound as refusal:
        return _page(menu, person, query, refusal=refusal)
    if form.get("by") == "script":
        return Page("dish_parts.html", person, {**_shown(menu, query), "tag": tag(dish["name"])})
    return _to_dish(dish, query)


def add(menu: Menu, form: Form, query: Query, caller: Caller) -> Page | Redirect:
    """Puts a dish on the menu, or gives the page again with what is wrong, each at its field."""
    person = menu.staff(caller)
    fields = dish_fields.of_form(form)
    if dish_fields.wants_more_lines(form):
        return _page(menu, person, query, fields=fields)
    try:
        return _to_dish(menu.add(fields.body(), caller), query)
    except (Invalid, Taken) as refusal:
        return _page(menu, person, query, fields=fields, refusal=refusal)


def change(menu: Menu, name: str, form: Form, query: Query, caller: Caller) -> Page | Redirect:
    """Changes what stands on the menu of a dish, or gives the page again with what is wrong."""
    person = menu.staff(caller)
    fields = dish_fields.of_form(form)
    if dish_fields.wants_more_lines(form):
        return _page(menu, person, query, fields=fields, name=name)
    try:
        return _to_dish(menu.change(name, fields.body(), caller), query)
    except (Invalid, Taken) as refusal:
        return _page(menu, person, query, fields=fields, name=name, refusal=refusal)
    except NotFound as refusal:
        return _page(menu, person, query, refusal=refusal)


def remove(menu: Menu, name: str, query: Query, caller: Caller) -> Page | Redirect:
    """Takes a dish off the menu."""
    person = menu.staff(caller)
    try:
        menu.remove(name, caller)
    except NotFound as refusal:
        return _page(menu, person, query, refusal=refusal)
    return Redirect(_address(query))


def _page(
    menu: Menu,
    person: Person,
    query: Query,
    *,
    fields: Fields | None = None,
    name: str | None = None,
    refusal: Refusal | None = None,
) -> Page:
    """The menu; with `fields`, a dish's form beside it: of the dish that is called `name`, or of a new one."""
    errors = dish_fields.wrong(refusal) if refusal is not None and fields is not None else {}
    values = {
        **_shown(menu, query),
        "fields": fields,
        "name": name,
        "errors": errors,
        "called": dish_fields.called,
        "is_gone": isinstance(refusal, NotFound),
        "builds": BUILDS,
        "allergens": ALLERGENS,
        "max_lines": dish_fields.MAX_LINES,
    }
    return Page("menu.html", person, values, 200 if refusal is None else refusal.status)


def _shown(menu: Menu, query: Query) -> dict[str, Any]:
    items: Any = menu.read()["items"]
    shown = sections.of(items)
    search = query.get("search", "")
    return {
        "sections": shown,
        "sold_out": [dish for section in shown for dish in section.dishes if not dish.available],
        "categories": sorted({item["category"] for item in items}),
        "search": search,
        "found": sections.matching(shown, search),
        "kept": urlencode({"search": search}) if search else "",
    }


def _called_by_tag(menu: Menu, wanted: str) -> str:
    items: Any = menu.read()["items"]
    names = (item["name"] for item in items if tag(item["name"]) == wanted)
    if (name := next(names, None)) is None:
        raise NotFound("There is no such dish on the menu.")
    return str(name)


def _to_dish(dish: Mapping[str, Any], query: Query) -> Redirect:
    return Redirect(f"{_address(query)}#dish-{tag(dish['name'])}")


def _address(query: Query) -> str:
    search = query.get("search")
    return f"/menu?{urlencode({'search': search})}" if search else "/menu"
