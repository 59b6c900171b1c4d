"""How answers are put together, as JSON Schema (2020-12), and what is in many of them."""

from typing import Any

from common.api.description import Parameter, Shape
from common.orders.lifecycle import ORDER_TYPES, STATUSES

Json = dict[str, Any]


def object_of(**members: Any) -> Json:
    """An object with exactly these members."""
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def form_of(members: Json, *required: str) -> Json:
    """An object that may have these members and no others, and must have some of them."""
    return {**object_of(**members), "required": list(required)}


def list_of(items: Any, **bounds: int) -> Json:
    return {"type": "array", "items": items, **bounds}


def page_of(shape: Shape) -> Json:
    """A page of a list."""
    return object_of(items=list_of(shape, maxItems=MAX_PAGE), next=NEXT)


def nullable(schema: Json) -> Json:
    """That, or null."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def one_of(values: tuple[str, ...], **said: Any) -> Json:
    return {"enum": list(values), **said}


def described(schema: Json, description: str) -> Json:
    return {**schema, "description": description}


TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
MOMENT: Json = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
MONEY: Json = {"type": "number", "minimum": 0, "description": "With two decimals, in the house's currency."}
ORDER_NUMBER: Json = {"type": "string", "pattern": r"^ORD_[0-9]{8}_[0-9]{3,9}$"}
STATUS = one_of(STATUSES)
ORDER_TYPE = one_of(ORDER_TYPES)
PRIORITY: Json = {"enum": [1, 5, 10], "description": "10 is the most urgent."}
ESTIMATE = described(nullable(MOMENT), "When it will be ready, or was; null when nobody knows.")
PROCESSED_BY = described(nullable(TEXT), "Who has it in hand, or had it last.")

MAX_PAGE = 100
NEXT = described(nullable(TEXT), "The next page's `cursor`; null on the last one.")
#: The query of every list.
PAGING = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 50}, "Of one page."),
    Parameter(
        "cursor", {"type": "string", "minLength": 1, "maxLength": 500}, "Where the page before ended: its `next`."
    ),
)

#: What stands in addresses, by its name there.
PATH: dict[str, Json] = {
    "order_number": described(ORDER_NUMBER, "The order's number."),
    "name": {
        "type": "string",
        "minLength": 1,
        "maxLength": 50,
        "description": "A dish's name; capitals do not matter.",
    },
    "user_id": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1, "description": "An account's id."},
    "delivery_id": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1, "description": "A delivery's id."},
    "webhook_id": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1, "description": "A webhook's id."},
}

_SHOWN_NUMBER = "ORD_20261122_001"

STANDING = Shape(
    "Standing",
    object_of(
        order_number=ORDER_NUMBER,
        current_status=STATUS,
        updated_at=MOMENT,
        estimated_completion=ESTIMATE,
        first_estimate=described(nullable(MOMENT), "When it would be ready, as its customer was told at first."),
        processed_by=PROCESSED_BY,
    ),
    (
        {
            "order_number": _SHOWN_NUMBER,
            "current_status": "cooking",
            "updated_at": "2026-11-22T06:30:15.092Z",
            "estimated_completion": "2026-11-22T06:30:25.092Z",
            "first_estimate": "2026-11-22T06:30:25.070Z",
            "processed_by": "chef_mario",
        },
    ),
)
