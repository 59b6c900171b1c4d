"""Orders with an address, and what the services that move orders tell of them, without those."""

import itertools
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import amqp

from common import codec
from tests.support.expedite import Expedite

_ORDER = """
    insert into orders (number, customer_id, customer_name, notification_email, order_type, total_amount, priority,
        prep_seconds, status, sequence, placed_at, updated_at, link_nonce)
    values (%s, %s, 'Ada Lovelace', %s, %s, 10, 1, 10, 'received', 1, now(), now(), 'nonce')
"""
_LOG = """
    with told as (
        select %s::text as number, %s::int as sequence, %s::text as status, %s::timestamptz as at
    ), made as (
        insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,
            sequence, placed_at, updated_at)
        select number, 'Ada', 'takeout', 10, 1, 10, 'received', 1, now(), now() from told
        on conflict (number) do nothing returning id
    )
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
    select order_id, sequence, status, 'chef_mario', at from told, lateral (
        select id as order_id from made union all select id from orders o where o.number = told.number
    ) o
    on conflict do nothing
"""
#: Numbers of steps of orders, each another.
STEPS = itertools.count(3)


class Orders:
    """Puts orders into their table, each with a number of its own."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def put(
        self, expedite: Expedite, email: str | None, order_type: str = "takeout", customer_id: int | None = None
    ) -> str:
        """An order that waits; gives its number."""
        number = f"ORD_20261122_{next(self._numbers):03}"
        expedite.query(_ORDER, number, customer_id, email, order_type)
        return number


ORDER = Orders()


def want(expedite: Expedite, address: str, wants: str = "ready") -> None:
    """The owner of an address has confirmed it, and wants that."""
    expedite.query(
        "insert into mail_addresses (address, wants, confirmed_at) values (%s, %s, now())", address, wants
    )


def tell(
    expedite: Expedite,
    number: str,
    old_status: str = "cooking",
    new_status: str = "ready",
    times: int = 1,
    **changes: Any,
) -> str:
    """It got another status, as its history says, and a message, so many times; gives the event's id."""
    event = {
        "event_id": str(uuid.uuid4()),
        "request_id": "r1",
        "schema_version": 1,
        "order_number": number,
        "order_type": "takeout",
        "old_status": old_status,
        "new_status": new_status,
        "changed_by": "chef_mario",
        "timestamp": codec.iso(datetime.now(UTC)),
        "estimated_completion": None,
        "reason": None,
        "sequence": next(STEPS),
        **changes,
    }
    log(expedite, event)
    for _ in range(times):
        publish(expedite, json.dumps(event))
    return str(event["event_id"])


def log(expedite: Expedite, event: dict[str, Any]) -> None:
    """What it tells stands in the history of an order, which is there from then on."""
    expedite.query(_LOG, event["order_number"], event["sequence"], event["new_status"], event["timestamp"])


def publish(expedite: Expedite, body: str | bytes) -> None:
    """A message that says so, whatever it says."""
    with expedite.channel() as channel:
        channel.confirm_select()
        message = amqp.Message(
            body,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
        )
        channel.basic_publish_confirm(message, "kitchen_service.events", "order_status_changed")


def deliveries(expedite: Expedite) -> list[tuple[Any, ...]]:
    """Kind, recipient, status, attempts and error of each."""
    return expedite.query(
        "select kind, recipient, status, attempts, error from notification_deliveries order by recipient, id"
    )
