"""What tracking_service answers over HTTP: its OpenAPI document."""

from common.api import EVERYBODY, PROBES, STAFF, WHOEVER_HAS_THE_KEY, Api, Event, Parameter, Route, Shape
from common.api.description import section
from common.api.shapes import (
    COUNT,
    ESTIMATE,
    MOMENT,
    ORDER_NUMBER,
    ORDER_TYPE,
    STANDING,
    STATUS,
    TEXT,
    described,
    list_of,
    nullable,
    object_of,
    one_of,
)
from common.errors import Invalid, NotFound, TooManyRequests

_NUMBER = "ORD_20261122_001"

_HISTORY = Shape(
    "History",
    list_of(
        object_of(
            status=STATUS,
            timestamp=MOMENT,
            changed_by=described(TEXT, "A worker's name, `customer`, `kitchen`, or `staff` for a person."),
            reason=nullable(TEXT),
        ),
        minItems=1,
    ),
    (
        [
            {
                "status": "received",
                "timestamp": "2026-11-22T06:30:15.071Z",
                "changed_by": "customer",
                "reason": None,
            },
            {
                "status": "cooking",
                "timestamp": "2026-11-22T06:30:15.092Z",
                "changed_by": "chef_mario",
                "reason": None,
            },
        ],
    ),
)
_SHOWN_WORKER = {
    "worker_name": "chef_mario",
    "status": "online",
    "orders_processed": 1,
    "last_seen": "2026-11-22T06:30:24.990Z",
    "order_types": ["dine_in", "takeout", "delivery"],
    "heartbeats": ["2026-11-22T06:30:24.990Z"],
    "heartbeat_interval": 30.0,
}
_WORKER = Shape(
    "Worker",
    object_of(
        worker_name=TEXT,
        status=one_of(("online", "offline")),
        orders_processed=COUNT,
        last_seen=MOMENT,
        order_types=list_of(ORDER_TYPE, minItems=1),
        heartbeats=list_of(MOMENT, maxItems=12),
        heartbeat_interval={"type": "number", "exclusiveMinimum": 0, "description": "Seconds."},
    ),
    (_SHOWN_WORKER,),
)
_STUCK = Shape(
    "StuckOrders",
    list_of(
        object_of(
            order_number=ORDER_NUMBER,
            status=one_of(("received", "cooking")),
            processed_by=nullable(TEXT),
            since=MOMENT,
            seconds=COUNT,
        ),
        maxItems=1000,
    ),
    (
        [
            {
                "order_number": _NUMBER,
                "status": "received",
                "processed_by": None,
                "since": "2026-11-22T06:30:15.071Z",
                "seconds": 901,
            }
        ],
    ),
)

# --- what streams send -------------------------------------------------------------------------------------

_SEQUENCE = {"type": "integer", "minimum": 1, "description": "The step, counted from 1; the event's id."}
_NOW = {"now": "2026-11-22T06:30:15.092Z"}
_HELLO = Event(
    "hello",
    "At once: the server's clock, and the version of the pages that it would give now.",
    Shape("Hello", object_of(now=MOMENT, version=TEXT), ({**_NOW, "version": "4f1c2b7e8a40"},)),
)
_PING = Event(
    "ping",
    "Every ten seconds; who misses two has lost the connection.",
    Shape("Ping", object_of(now=MOMENT), (_NOW,)),
)
_STEP = {**STANDING.examples[0], "sequence": 2}
_HTML = Shape("Html", object_of(html=TEXT), ({"html": "<section>…</section>"},))
_ORDER_EVENTS = (
    _HELLO,
    Event(
        "status",
        "Where it stands, then each of its steps.",
        Shape(
            "Step",
            # Of a step that was missed nobody knows any more what was estimated.
            {
                **object_of(**STANDING.schema["properties"], sequence=_SEQUENCE),  # type: ignore[index]
                "required": [*(set(STANDING.schema["required"]) - {"first_estimate"}), "sequence"],  # type: ignore[index]
            },
            (_STEP,),
        ),
    ),
    Event(
        "estimate",
        "When it will be ready has changed by a minute or more, while it waits.",
        Shape(
            "Estimate",
            object_of(order_number=ORDER_NUMBER, estimated_completion=ESTIMATE, sequence=_SEQUENCE),
            ({"order_number": _NUMBER, "estimated_completion": "2026-11-22T06:33:00.000Z", "sequence": 1},),
        ),
    ),
    Event("page", "What the tracker's page shows, as HTML; of no use to programs.", _HTML),
    _PING,
)
_LOBBY_EVENTS = (
    _HELLO,
    Event("reset", "The wall as it is.", _HTML),
    Event("change", "The wall, whenever it changes.", _HTML),
    _PING,
)
_A_STREAM = "Server-sent events, for about ten minutes; then come back with the last event's id."

API = Api(
    "Expedite: tracking",
    "Where orders stand. It reads and writes nothing; what an order's number alone opens holds no personal data.",
    {
        **section(
            "Orders",
            {
                "order_status": Route(STANDING, EVERYBODY, problems=(NotFound,)),
                "order_history": Route(_HISTORY, EVERYBODY, problems=(NotFound,)),
                "order_stream": Route(
                    _A_STREAM,
                    WHOEVER_HAS_THE_KEY,
                    events=_ORDER_EVENTS,
                    problems=(NotFound, TooManyRequests),
                    description="It ends when the order does.",
                ),
                "stuck_orders": Route(_STUCK, EVERYBODY, is_inside=True),
            },
        ),
        **section(
            "The house",
            {
                "workers_status": Route(Shape("Workers", list_of(_WORKER), ([_SHOWN_WORKER],)), EVERYBODY),
                "lobby_stream": Route(_A_STREAM, EVERYBODY, events=_LOBBY_EVENTS, problems=(TooManyRequests,)),
                "dashboard_sheet": Route(
                    "CSV: a row for each hour, for each step of each type, and for each who made orders ready.",
                    STAFF,
                    query=(
                        Parameter(
                            "day", {"type": "string", "format": "date"}, "Which; without it today.", "2026-11-26"
                        ),
                    ),
                    problems=(Invalid,),
                ),
            },
        ),
        **PROBES,
    },
)
