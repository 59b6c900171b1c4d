"""What is sent: a CloudEvent (1.0), as JSON that holds all of it (structured mode)."""

import dataclasses

from common import codec
from common.notifications import deliveries
from common.orders.events import SCHEMA_VERSION
from common.orders.messages import StatusChanged
from notifier_service.deliveries.channel import Delivery

CONTENT_TYPE = "application/cloudevents+json"


def body_of(delivery: Delivery, source: str) -> bytes:
    """The delivery's event, the same at each attempt. `source` is the house that it is from, a URI.

    What is told of an order is what its message's contract says, and nothing that stood there besides.
    """
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": str(delivery.event_id),
        "source": source,
        "type": delivery.kind,
        "datacontenttype": "application/json",
    }
    if delivery.kind == deliveries.TEST:
        event |= {"time": codec.iso(delivery.created_at), "data": {}}
    else:
        change = StatusChanged.read(delivery.data)
        event |= {
            "time": change.timestamp,
            "subject": change.order_number,
            "dataschema": f"urn:expedite:contract:{change.event}:{SCHEMA_VERSION}",
            "data": dataclasses.asdict(change),
        }
    return codec.dumps(event)
