"""The routes of the menu, described."""

from common.api import EVERYBODY, STAFF, Route, Shape
from common.api.shapes import MONEY, TEXT, described, list_of, nullable, object_of, one_of
from common.errors import NotFound, Taken
from common.orders.allergens import ALLERGENS
from common.orders.builds import BUILDS
from order_service.menu.dish_form import CHANGES, NEW_DISH

_SHOWN = {
    "name": "Margarita",
    "category": "cocktail",
    "price": 11.50,
    "build": "shaken",
    "ingredients": [{"name": "Tequila", "amount": "5 cl"}, {"name": "Lime juice", "amount": "2 cl"}],
    "allergens": ["sulphites"],
    "prep_seconds": 45,
    "available": True,
    "url": "/menu/Margarita",
}
_DISH = Shape(
    "Dish",
    object_of(
        name=TEXT,
        category=TEXT,
        price=MONEY,
        build=described(nullable(one_of(tuple(BUILDS))), "How a cocktail is made; food has none."),
        ingredients=list_of(object_of(name=TEXT, amount=TEXT)),
        allergens=list_of(one_of(ALLERGENS)),
        prep_seconds=described(
            nullable({"type": "integer", "minimum": 1}), "How long it takes; null: as its order's type does."
        ),
        available={"type": "boolean", "description": "False is sold out."},
        url=described({**TEXT, "format": "uri-reference"}, "Where it is changed and taken off."),
    ),
    (_SHOWN,),
)
_MENU = Shape("Menu", object_of(items=list_of(_DISH), next={"type": "null"}), ({"items": [_SHOWN], "next": None},))
_NEW = Shape(
    "NewDish",
    NEW_DISH,
    (
        {
            "name": "Paloma",
            "category": "cocktail",
            "price": 10.50,
            "build": "collins",
            "ingredients": [{"name": "Tequila", "amount": "5 cl"}],
            "allergens": ["sulphites"],
        },
        {"name": "Olives", "category": "snack", "price": 4.00},
    ),
)

ROUTES = {
    "read_menu": Route(_MENU, EVERYBODY),
    "add_dish": Route(_DISH, STAFF, body=_NEW, problems=(Taken,)),
    "change_dish": Route(
        _DISH, STAFF, body=Shape("DishChanges", CHANGES, ({"available": False},)), problems=(NotFound, Taken)
    ),
    "remove_dish": Route(_DISH, STAFF, problems=(NotFound,), description="Orders keep what they have of it."),
}
