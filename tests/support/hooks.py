"""Webhooks of a running Expedite, and the events that they are told of."""

import json
import uuid
from typing import Any

import requests

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.news import STEPS, log, publish
from tests.support.people import Someone

#: What an integrator in the house, and a test, need.
IN_THE_HOUSE = {"WEBHOOKS_ALLOW_HTTP": "true", "WEBHOOKS_ALLOW_PRIVATE": "true"}


def start_notifier(running: Expedite, **settings: Any) -> Process:
    """A notifier that may call receivers of this machine, and whose queues are there."""
    notifier = running.start("notifier_service", **{**IN_THE_HOUSE, **settings})
    eventually(lambda: notifier.actions("rabbitmq_connected"))
    return notifier


def ask(
    running: Expedite, method: str, path: str, body: Any = None, who: Someone | None = None
) -> requests.Response:
    """Ask notifier_service, as `who`."""
    headers = who.headers if who else {}
    return requests.request(
        method, f"{running.url('notifier_service')}{path}", json=body, headers=headers, timeout=15
    )


def make(running: Expedite, url: str, **fields: Any) -> dict[str, Any]:
    """A new webhook, made by an operator; with its secret."""
    with running.rpc() as rpc:
        made: dict[str, Any] = rpc.notifier_service.add_webhook({"url": url, **fields})
    return made


def webhook(running: Expedite, webhook_id: int) -> dict[str, Any]:
    """How it stands."""
    with running.rpc() as rpc:
        found: dict[str, Any] = rpc.notifier_service.get_webhook(webhook_id)
    return found


def event(**changes: Any) -> dict[str, Any]:
    """An order is ready."""
    return {
        "event_id": str(uuid.uuid4()),
        "request_id": "till-7",
        "schema_version": 1,
        "order_number": "ORD_20261122_001",
        "order_type": "takeout",
        "old_status": "cooking",
        "new_status": "ready",
        "changed_by": "chef_mario",
        "timestamp": "2026-11-22T18:30:00.000Z",
        "estimated_completion": None,
        "reason": None,
        "sequence": next(STEPS),
        **changes,
    }


def tell(running: Expedite, told: dict[str, Any] | None = None, **changes: Any) -> str:
    """Publish an event, as the relay does, of what has happened; gives its id."""
    told = told or event(**changes)
    log(running, told)
    publish(running, json.dumps(told))
    return str(told["event_id"])


def deliveries(running: Expedite, of: dict[str, Any]) -> list[tuple[str, int, str | None]]:
    """A webhook's deliveries: status, attempts, error; the oldest first."""
    rows = running.query(
        "select status, attempts, error from notification_deliveries"
        " where channel = 'webhook' and recipient = %s order by id",
        str(of["id"]),
    )
    return [(status, attempts, error) for status, attempts, error in rows]


def make_due(running: Expedite) -> None:
    """The pauses of what waits are over."""
    running.query(
        "update notification_deliveries set next_attempt_at = now()"
        " where status = 'waiting' and leased_until is null"
    )
