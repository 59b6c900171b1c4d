"""What notifier_service answers over HTTP: its OpenAPI document."""

from common.api import ADMINS, EVERYBODY, PROBES, Api, Parameter, Route, Shape
from common.api.description import section
from common.api.shapes import (
    COUNT,
    MAX_PAGE,
    MOMENT,
    PAGING,
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
from common.errors import Invalid, LinkEnded, NotFound, NotOver, TooMany, TooManyRequests
from common.form_fields import MAX_EMAIL
from common.notifications.deliveries import EMAIL, WEBHOOK
from common.orders.events import ORDER_STATUS_CHANGED
from common.orders.lifecycle import ORDER_TYPES, STATUSES
from notifier_service.deliveries.records import STATUSES as DELIVERY_STATUSES
from notifier_service.webhooks.addresses import MAX_URL
from notifier_service.webhooks.webhook_form import CHANGES, NEW, ROTATION

_ID: Json = {"type": "integer", "minimum": 1}
_UUID: Json = {"type": "string", "format": "uuid"}
_CHANNEL = one_of((EMAIL, WEBHOOK))
_DELIVERY_STATUS = one_of(DELIVERY_STATUSES)

# --- who was told what ---------------------------------------------------------------------------------------

_DELIVERY = Shape(
    "Delivery",
    object_of(
        id=_ID,
        event_id=described(_UUID, "Of the event that it tells; a letter's own."),
        channel=_CHANNEL,
        kind=described(TEXT, "`order_status_changed`, `test`, or a letter's name."),
        recipient=described(TEXT, "An e-mail address, or a webhook's id."),
        order_number=nullable(TEXT),
        user_id=nullable(_ID),
        status=_DELIVERY_STATUS,
        attempts=COUNT,
        sent_again=described(COUNT, "How often somebody had it sent again."),
        created_at=MOMENT,
        next_attempt_at=described(nullable(MOMENT), "Null for what is over."),
        ended_at=nullable(MOMENT),
        error=described(nullable(TEXT), "Why the last attempt failed, or why it was dropped."),
    ),
    (
        {
            "id": 7,
            "event_id": "0d9c1c1e-5f0f-4bfa-a8f0-3ef9f7a5d001",
            "channel": "email",
            "kind": "order_status_changed",
            "recipient": "ada@example.com",
            "order_number": "ORD_20261122_001",
            "user_id": None,
            "status": "sent",
            "attempts": 1,
            "sent_again": 0,
            "created_at": "2026-11-22T06:30:25.101Z",
            "next_attempt_at": None,
            "ended_at": "2026-11-22T06:30:25.164Z",
            "error": None,
        },
    ),
)
_LINE: Json = {"type": "string", "minLength": 1, "maxLength": MAX_EMAIL}
_DELIVERIES = {
    "list_deliveries": Route(
        Shape("Deliveries", page_of(_DELIVERY), ({"items": [_DELIVERY.examples[0]], "next": None},)),
        ADMINS,
        query=(
            Parameter("order_number", _LINE, "Of one order."),
            Parameter("recipient", _LINE, "To one address, or to the webhook with this id."),
            Parameter("channel", _CHANNEL, "By one channel."),
            Parameter("status", _DELIVERY_STATUS, "That stand so."),
            *PAGING,
        ),
        problems=(Invalid,),
        description="The newest first.",
    ),
    "send_delivery_again": Route(_DELIVERY, ADMINS, problems=(NotFound, NotOver)),
    "unsubscribe": Route(
        Shape("Unsubscribed", object_of(status={"const": "unsubscribed"}), ({"status": "unsubscribed"},)),
        EVERYBODY,
        query=(Parameter("token", TEXT, "As it stands in the letter's `List-Unsubscribe`."),),
        problems=(LinkEnded,),
        description="What mail programs do for their owners (RFC 8058). A body is not read.",
    ),
}

# --- webhooks ------------------------------------------------------------------------------------------------

_WHICH = Shape(
    "ChangesSent",
    form_of(
        {
            "new_statuses": list_of(one_of(STATUSES), minItems=1, maxItems=len(STATUSES)),
            "order_types": list_of(one_of(ORDER_TYPES), minItems=1, maxItems=len(ORDER_TYPES)),
        }
    ),
    ({"new_statuses": ["ready"]},),
)
_MEMBERS: Json = {
    "id": _ID,
    "url": {"type": "string", "maxLength": MAX_URL},
    "description": nullable(TEXT),
    "events": object_of(**{ORDER_STATUS_CHANGED: _WHICH}),
    "enabled": {"type": "boolean"},
    "switched_off_at": nullable(MOMENT),
    "switched_off_because": nullable(TEXT),
    "failing_since": described(nullable(MOMENT), "Since when every attempt has failed."),
    "old_secret_ends_at": described(nullable(MOMENT), "Until then two secrets sign."),
    "created_by": described(nullable(_ID), "The account of who made it; null is an operator."),
    "created_at": MOMENT,
}
_SECRET = {
    "secret": {
        "type": "string",
        "pattern": "^whsec_[A-Za-z0-9+/]+=*$",
        "description": "To verify signatures with. No other answer holds it.",
    }
}
_TILL = {"url": "https://till.example/hooks/expedite", "events": {ORDER_STATUS_CHANGED: _WHICH.examples[0]}}
_SHOWN = {
    "id": 1,
    "description": "The till",
    **_TILL,
    "enabled": True,
    "switched_off_at": None,
    "switched_off_because": None,
    "failing_since": None,
    "old_secret_ends_at": None,
    "created_by": 7,
    "created_at": "2026-11-22T06:30:15.071Z",
}
_WEBHOOK = Shape("Webhook", object_of(**_MEMBERS), (_SHOWN,))
_WITH_SECRET = Shape(
    "WebhookWithSecret",
    object_of(**_MEMBERS, **_SECRET),
    ({**_SHOWN, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},),
)
_TESTED = Shape(
    "TestOnItsWay",
    object_of(event_id=_UUID, status={"const": "waiting"}),
    ({"event_id": "0d9c1c1e-5f0f-4bfa-a8f0-3ef9f7a5d001", "status": "waiting"},),
)

_WEBHOOKS = {
    "list_webhooks": Route(
        Shape(
            "Webhooks",
            object_of(items=list_of(_WEBHOOK, maxItems=MAX_PAGE), next={"const": None}),
            ({"items": [_SHOWN], "next": None},),
        ),
        ADMINS,
        description="The oldest first, and all of them: there are fifty at most.",
    ),
    "add_webhook": Route(
        _WITH_SECRET,
        ADMINS,
        body=Shape("NewWebhook", NEW, ({**_TILL, "description": "The till"},)),
        problems=(TooMany,),
    ),
    "get_webhook": Route(_WEBHOOK, ADMINS, problems=(NotFound,)),
    "change_webhook": Route(
        _WEBHOOK,
        ADMINS,
        body=Shape("WebhookChanges", CHANGES, ({"enabled": True}, {"old_secret_ends_at": None})),
        problems=(NotFound,),
    ),
    "remove_webhook": Route(_WEBHOOK, ADMINS, problems=(NotFound,), description="What waits for it is dropped."),
    "test_webhook": Route(
        _TESTED,
        ADMINS,
        problems=(NotFound, TooManyRequests),
        description="Also to one that is off. What came of it is in `GET /deliveries`.",
    ),
    "rotate_webhook_secret": Route(
        _WITH_SECRET,
        ADMINS,
        body=Shape("Rotation", ROTATION, ({"old_secret_seconds": 86400},)),
        is_body_optional=True,
        problems=(NotFound,),
        description="The old secret signs beside it for `old_secret_seconds`, which is a day if it is not said.",
    ),
}

API = Api(
    "Expedite: notifier",
    "Tells people and systems what happens to orders.",
    {**section("Who was told what", _DELIVERIES), **section("Webhooks", _WEBHOOKS), **PROBES},
)
