"""The routes of orders, described."""

from common.api import ANYBODY, HOLDERS, SIGNED_IN, STAFF, Parameter, Route, Shape
from common.api.description import BEARER, ORDER_KEY, Who
from common.api.forms import members
from common.api.shapes import (
    ESTIMATE,
    MOMENT,
    MONEY,
    ORDER_NUMBER,
    ORDER_TYPE,
    PAGING,
    PRIORITY,
    PROCESSED_BY,
    STATUS,
    TEXT,
    Json,
    described,
    form_of,
    list_of,
    nullable,
    object_of,
    one_of,
    page_of,
)
from common.errors import IllegalMove, Invalid, NotFound, PriceChanged, SoldOut, TooManyRequests, Unauthorized
from common.form_fields import MAX_EMAIL
from common.orders.allergens import ALLERGENS
from common.orders.lifecycle import ORDER_TYPES
from order_service.orders import idempotency, listing, order_form
from order_service.orders.move_form import REASON, UNDO

_NUMBER = "ORD_20261122_001"

# --- what is sent ------------------------------------------------------------------------------------------


def _goes_to(place: str, order_type: str) -> list[Json]:
    """An order of that type says where it goes; one of another type has no such place."""
    others = [each for each in ORDER_TYPES if each != order_type]

    def of_type(types: list[str]) -> Json:
        return {"properties": {"order_type": {"enum": types}}, "required": ["order_type"]}

    return [
        {
            "if": of_type([order_type]),
            "then": {"properties": {place: {"not": {"type": "null"}}}, "required": [place]},
        },
        {"if": of_type(others), "then": {"properties": {place: {"type": "null"}}}},
    ]


_WHERE_IT_GOES = [rule for place, kind in order_form.PLACES.items() for rule in _goes_to(place, kind)]
_FIELDS = members(order_form.ORDER)
_FIELDS["customer_name"] = described(_FIELDS["customer_name"], "A guest must say it; who is signed in need not.")
_ITEM = members(order_form.ITEM)
_ITEM["price"] = described(
    _ITEM["price"], "Of one piece; of what is on the menu it must be the menu's, or left out."
)
_FIELDS["items"]["items"] = form_of(_ITEM, "name", "quantity")

_BY_ITEMS = Shape("OrderOfItems", {**form_of(_FIELDS, "order_type", "items"), "allOf": _WHERE_IT_GOES})
_BY_RECIPE = Shape(
    "OrderOfARecipe",
    {
        **form_of(
            {
                "recipe": described(_ITEM["name"], "A dish or a drink of the menu, by its name."),
                "quantity": {**_ITEM["quantity"], "default": 1},
                "note": _ITEM["note"],
                **{name: field for name, field in _FIELDS.items() if name != "items"},
                "order_type": described(_FIELDS["order_type"], "Without it, what the place says; else takeout."),
            },
            "recipe",
        ),
        "allOf": _WHERE_IT_GOES,
    },
)
NEW_ORDER = Shape(
    "NewOrder",
    {"anyOf": [_BY_ITEMS, _BY_RECIPE]},
    (
        {
            "customer_name": "Ada Lovelace",
            "order_type": "takeout",
            "items": [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99}],
        },
        {
            "customer_name": "Zoë O’Brien",
            "order_type": "delivery",
            "delivery_address": "12 Harbour Street, flat 3",
            "allergies": ["nuts", "celery"],
            "items": [{"name": "Caesar Salad", "quantity": 2, "price": 8.99, "note": "no croutons on one"}],
        },
        {"recipe": "Margarita", "table_number": 12},
    ),
)
_REASON = Shape("Reason", REASON, ({"reason": "out of basil"},))
_UNDO = Shape("Undo", UNDO, ({"undo": True},))

_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^[ -~]{{1,{idempotency.MAX_KEY}}}$"},
    "Something random, made up for this order: for 24 hours the same key and order gets the first answer, and "
    "nothing is placed again. So an order whose answer was lost is simply sent again.",
    "5f1c2b7e-8a40-4a2e-9d0b-1d1f0a6f5a11",
)
_SORTS = [f"{sign}{name}" for name in listing.SORTS for sign in ("", "-")]
_A_TIME: Json = {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
_A_LINE: Json = {"type": "string", "minLength": 1, "maxLength": MAX_EMAIL}
_SOME = "Some of them, separated by commas."
_FILTERS = (
    Parameter(
        "status",
        list_of(STATUS, minItems=1),
        _SOME,
        ["received", "cooking"],
        is_list=True,
    ),
    Parameter("type", list_of(ORDER_TYPE, minItems=1), _SOME, is_list=True),
    Parameter("station", _A_LINE, "The worker that took the ticket or has the order in hand, by name."),
    Parameter("from", _A_TIME, "Placed then or later; the house's clocks count where it names no zone."),
    Parameter("to", _A_TIME, "Placed before that."),
    Parameter("customer", _A_LINE, "An account's id or e-mail, or the name on the order; for staff."),
    Parameter("sort", {**one_of(tuple(_SORTS)), "default": "-placed_at"}, "With a - in front the largest first."),
)

# --- what is answered --------------------------------------------------------------------------------------

_STATUS_ONLY = {
    "order_number": ORDER_NUMBER,
    "status": STATUS,
    "updated_at": MOMENT,
    "estimated_completion": ESTIMATE,
}
_IN_FULL = {
    **_STATUS_ONLY,
    "customer_name": TEXT,
    "order_type": ORDER_TYPE,
    "table_number": nullable({"type": "integer"}),
    "delivery_address": nullable(TEXT),
    "items": list_of(
        object_of(name=TEXT, quantity={"type": "integer", "minimum": 1}, price=MONEY, note=nullable(TEXT)),
        minItems=1,
    ),
    "allergies": list_of(one_of(ALLERGENS)),
    "total_amount": MONEY,
    "priority": PRIORITY,
    "placed_at": MOMENT,
    "first_estimate": described(nullable(MOMENT), "When it would be ready, as its customer was told at first."),
    "station": described(nullable(TEXT), "The worker that took its ticket."),
    "processed_by": PROCESSED_BY,
    "reason": described(nullable(TEXT), "Why it was cancelled, recalled or cannot be made."),
}
_SHOWN_STATUS = {
    "order_number": _NUMBER,
    "status": "cooking",
    "updated_at": "2026-11-22T06:30:15.092Z",
    "estimated_completion": "2026-11-22T06:30:25.092Z",
}
_SHOWN_ORDER = {
    **_SHOWN_STATUS,
    "customer_name": "Ada Lovelace",
    "order_type": "takeout",
    "table_number": None,
    "delivery_address": None,
    "items": [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99, "note": None}],
    "allergies": ["nuts"],
    "total_amount": 15.99,
    "priority": 1,
    "placed_at": "2026-11-22T06:30:15.071Z",
    "first_estimate": "2026-11-22T06:30:25.070Z",
    "station": None,
    "processed_by": "chef_mario",
    "reason": None,
}
_PLACED = Shape(
    "Placed",
    object_of(
        order_number=ORDER_NUMBER,
        status={"const": "received"},
        total_amount=MONEY,
        priority=PRIORITY,
        estimated_completion=MOMENT,
        tracking_url={
            "type": "string",
            "format": "uri",
            "description": "The order's page. Its `key` is the order's secret: who has it reads and cancels it.",
        },
    ),
    (
        {
            "order_number": _NUMBER,
            "status": "received",
            "total_amount": 15.99,
            "priority": 1,
            "estimated_completion": "2026-11-22T06:30:25.070Z",
            "tracking_url": f"http://127.0.0.1:3002/track/{_NUMBER}?key=hNhUnB9pmxpCtFVEhTJbleaC",
        },
    ),
)
_LISTED = Shape("Order", object_of(**_IN_FULL), (_SHOWN_ORDER,))
_ORDERS = Shape("Orders", page_of(_LISTED), ({"items": [_SHOWN_ORDER], "next": None},))
_OWN = Shape(
    "OwnOrder",
    object_of(**_IN_FULL, notification_email=nullable(TEXT)),
    ({**_SHOWN_ORDER, "notification_email": "ada@example.com"},),
)
_ORDER = Shape(
    "OrderAsSeen",
    {"anyOf": [_OWN, _LISTED, Shape("OrderStatus", object_of(**_STATUS_ONLY), (_SHOWN_STATUS,))]},
    ({**_SHOWN_ORDER, "notification_email": "ada@example.com"}, _SHOWN_STATUS),
)
_MOVED = Shape(
    "Moved",
    object_of(**_STATUS_ONLY, processed_by=PROCESSED_BY),
    ({**_SHOWN_STATUS, "processed_by": "anna"},),
)
_IN_LINE = Shape(
    "InLine",
    object_of(
        order_number=ORDER_NUMBER,
        status=STATUS,
        priority=PRIORITY,
        front_at=described(nullable(MOMENT), "When it was sent to the front; null in its own place."),
    ),
    ({"order_number": _NUMBER, "status": "received", "priority": 10, "front_at": "2026-11-22T06:31:00.000Z"},),
)

# --- routes ------------------------------------------------------------------------------------------------

_READERS = Who(
    "its customer, whoever has its key, and staff, in full; of a guest's order everybody learns the status",
    (None, ORDER_KEY, BEARER),
    (Unauthorized,),
)


def _step(description: str) -> Route:
    return Route(
        _MOVED,
        STAFF,
        body=_REASON,
        is_body_optional=True,
        problems=(NotFound, IllegalMove),
        description=f"{description} Again changes nothing.",
    )


ROUTES = {
    "place_order": Route(
        _PLACED,
        ANYBODY,
        body=NEW_ORDER,
        headers=(_IDEMPOTENCY_KEY,),
        problems=(SoldOut, PriceChanged, TooManyRequests),
        description="When it is answered the order is on disk, and will be cooked. A recipe takes a token.",
    ),
    "list_orders": Route(_ORDERS, SIGNED_IN, query=(*_FILTERS, *PAGING), problems=(Invalid,)),
    "get_order": Route(_ORDER, _READERS, problems=(NotFound,)),
    "cancel_order": Route(
        _MOVED,
        HOLDERS,
        body=_REASON,
        is_body_optional=True,
        problems=(NotFound, IllegalMove),
        description="Its customer can while it waits, staff also while it is made. Again changes nothing.",
    ),
    "start_order": _step("From received to cooking."),
    "ready_order": _step("From cooking to ready."),
    "dispatch_order": _step("From ready to out_for_delivery; for deliveries."),
    "complete_order": _step("From ready, or out_for_delivery, to completed."),
    "recall_order": _step("From ready to cooking."),
    "fail_order": _step("From received or cooking to failed."),
    "front_order": Route(
        _IN_LINE,
        STAFF,
        body=_UNDO,
        is_body_optional=True,
        problems=(NotFound, IllegalMove),
        description="Again changes nothing.",
    ),
}
