"""What kind the durable queues are: classic, on one node, or quorum, on a majority of a cluster's nodes.

A queue of one kind cannot be declared as the other: `python -m order_service.rebuild_queues` changes it.
"""

from collections.abc import Mapping
from typing import Any

from common.settings import CLASSIC, QUORUM

# How often a message of a quorum queue may come back before RabbitMQ takes it for poison, and deletes it; 20 by
# default, from 4.0 on. A worker gives back what it only looked at, and counts its own attempts. Without a limit
# (-1) RabbitMQ 4.0 puts what came back behind all others; with this one it stays in front.
_RETURNS = 1_000_000_000


def arguments(queue_type: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments to declare a queue with, from those that it has as a classic one."""
    if queue_type == CLASSIC:
        return dict(given)
    quorum = {**given, "x-queue-type": QUORUM, "x-delivery-limit": _RETURNS}
    # Quorum queues have priorities without it, and refuse it.
    quorum.pop("x-max-priority", None)
    if "x-dead-letter-exchange" in given:
        # What expires is kept until its next queue has it. Classic queues do that anyway, on their one node.
        quorum["x-dead-letter-strategy"] = "at-least-once"
    return quorum
