"""The fourteen substances that must be declared, and that customers can say they must not eat: Regulation (EU)
No 1169/2011, annex II, in its order. What a dish contains and what an order's customer is allergic to are said by
the same words, so that the two can be compared."""

from collections.abc import Collection

ALLERGENS = (
    "gluten",
    "crustaceans",
    "eggs",
    "fish",
    "peanuts",
    "soybeans",
    "milk",
    "nuts",
    "celery",
    "mustard",
    "sesame",
    "sulphites",
    "lupin",
    "molluscs",
)


def in_order(names: Collection[str]) -> list[str]:
    """Those of the fourteen that are among `names`, each once, in the regulation's order."""
    return [allergen for allergen in ALLERGENS if allergen in names]
