"""The starter menu, a pizzeria's and a bar's: `python -m order_service.menu.starter`.

Fills a menu that is empty, and leaves any other alone. Cocktails are those of the International Bartenders
Association, with its amounts; the Tom Collins is its John Collins with Old Tom gin.
"""

import sys
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, text

from common.orders.tables import MenuItem
from common.postgres.sessions import open_sessions
from common.settings import load_config
from order_service.menu import dish_form
from order_service.menu.menu import columns_of
from order_service.settings import OrderSettings

_SECONDS = {"pizza": 10, "salad": 6, "pasta": 9, "dessert": 4, "drink": 1}


def _food(category: str, name: str, price: str, ingredients: dict[str, str], *allergens: str) -> dict[str, Any]:
    return _dish(category, name, price, ingredients, allergens, prep_seconds=_SECONDS[category])


def _cocktail(build: str, name: str, price: str, ingredients: dict[str, str], *allergens: str) -> dict[str, Any]:
    return _dish("cocktail", name, price, ingredients, allergens, build=build)


def _dish(
    category: str,
    name: str,
    price: str,
    ingredients: dict[str, str],
    allergens: tuple[str, ...],
    **how: Any,
) -> dict[str, Any]:
    listed = [{"name": what, "amount": amount} for what, amount in ingredients.items()]
    dish = {"name": name, "category": category, "price": Decimal(price), "ingredients": listed, **how}
    return {**dish, "allergens": list(allergens)}


_DOUGH = {"pizza dough": "250 g"}

STARTER = (
    _food(
        "pizza",
        "Margherita Pizza",
        "15.99",
        {
            **_DOUGH,
            "San Marzano tomatoes": "80 g",
            "mozzarella": "100 g",
            "basil": "5 leaves",
            "olive oil": "10 ml",
        },
        "gluten",
        "milk",
    ),
    _food(
        "pizza",
        "Marinara Pizza",
        "12.99",
        {**_DOUGH, "San Marzano tomatoes": "100 g", "garlic": "2 cloves", "oregano": "1 g", "olive oil": "15 ml"},
        "gluten",
    ),
    _food(
        "pizza",
        "Quattro Formaggi",
        "17.99",
        {**_DOUGH, "mozzarella": "60 g", "gorgonzola": "40 g", "fontina": "40 g", "parmesan": "20 g"},
        "gluten",
        "milk",
    ),
    _food(
        "pizza",
        "Pizza Napoletana",
        "16.99",
        {**_DOUGH, "San Marzano tomatoes": "80 g", "mozzarella": "80 g", "anchovies": "30 g", "capers": "10 g"},
        "gluten",
        "milk",
        "fish",
    ),
    _food(
        "salad",
        "Caesar Salad",
        "8.99",
        {
            "romaine lettuce": "150 g",
            "croutons": "30 g",
            "parmesan": "20 g",
            "egg yolk": "1",
            "anchovies": "10 g",
            "Dijon mustard": "5 g",
            "olive oil": "30 ml",
        },
        "gluten",
        "milk",
        "eggs",
        "fish",
        "mustard",
    ),
    _food(
        "salad",
        "Caprese Salad",
        "9.99",
        {"tomatoes": "150 g", "buffalo mozzarella": "125 g", "basil": "8 leaves", "olive oil": "20 ml"},
        "milk",
    ),
    _food(
        "dessert",
        "Tiramisu",
        "7.50",
        {"mascarpone": "80 g", "ladyfingers": "40 g", "egg": "1", "espresso": "40 ml", "cocoa": "3 g"},
        "gluten",
        "milk",
        "eggs",
    ),
    _food("drink", "Mineral Water", "3.50", {"mineral water": "500 ml"}),
    _food("drink", "Espresso", "2.80", {"coffee": "7 g", "water": "30 ml"}),
    _cocktail(
        "stirred",
        "Old Fashioned",
        "12.50",
        {
            "bourbon or rye whiskey": "45 ml",
            "sugar cube": "1",
            "Angostura bitters": "2 dashes",
            "water": "2 dashes",
            "orange slice": "1",
        },
    ),
    _cocktail(
        "stirred", "Martini", "12.00", {"gin": "60 ml", "dry vermouth": "10 ml", "lemon peel": "1"}, "sulphites"
    ),
    _cocktail(
        "shaken",
        "Daiquiri",
        "11.00",
        {"white rum": "60 ml", "fresh lime juice": "20 ml", "superfine sugar": "2 bar spoons"},
    ),
    _cocktail(
        "shaken",
        "Sidecar",
        "12.50",
        {"cognac": "50 ml", "triple sec": "20 ml", "fresh lemon juice": "20 ml"},
        "sulphites",
    ),
    _cocktail(
        "shaken",
        "Margarita",
        "11.50",
        {"tequila": "50 ml", "triple sec": "20 ml", "fresh lime juice": "15 ml", "salt": "1 rim"},
    ),
    _cocktail(
        "collins",
        "Tom Collins",
        "10.50",
        {
            "Old Tom gin": "45 ml",
            "fresh lemon juice": "30 ml",
            "sugar syrup": "15 ml",
            "soda water": "60 ml",
        },
    ),
    _cocktail(
        "sour",
        "Clover Club",
        "12.50",
        {"gin": "45 ml", "raspberry syrup": "15 ml", "fresh lemon juice": "15 ml", "egg white": "15 ml"},
        "eggs",
    ),
)


def main() -> int:
    """Fill the menu of config.yml's database, if it is empty; says what it did."""
    sessions = open_sessions(OrderSettings.of(load_config(), "order_service"))
    with sessions.begin() as session:
        session.execute(text("lock table menu_items in share row exclusive mode"))
        if session.execute(text("select exists (select 1 from menu_items)")).scalar_one():
            print("There is a menu already.")  # noqa: T201
            return 0
        session.execute(insert(MenuItem), [columns_of(dish_form.new_dish(dish)) for dish in STARTER])
    print(f"The starter menu has {len(STARTER)} dishes.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
