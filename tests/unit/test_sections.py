"""The menu as pages show it, searched."""

from decimal import Decimal

import pytest

from order_service.menu import sections


def dish(name: str, *ingredients: str) -> dict[str, object]:
    return {
        "name": name,
        "category": "drink",
        "price": Decimal("1.00"),
        "available": True,
        "build": None,
        "ingredients": [{"name": each} for each in ingredients],
        "allergens": [],
        "prep_seconds": None,
    }


MENU = sections.of([dish("Café au lait", "milk", "coffee"), dish("Espresso", "coffee")])


@pytest.mark.parametrize(
    ("search", "found"),
    [("coffee", 2), ("CAFE", 1), ("milk coffee", 1), ("tea", 0), ("", 2), ("coffee " * 1000, 2)],
)
def test_all_words_are_in_the_name_or_among_the_ingredients(search: str, found: int) -> None:
    assert len(sections.matching(MENU, search)) == found


def test_what_is_looked_for_has_a_length() -> None:
    beyond = "coffee ".ljust(sections.MAX_SEARCH) + " tea"
    assert len(sections.matching(MENU, beyond)) == 2
