"""From an event to the deliveries of it, one for each receiver, however often and wherever it is heard.

The statement is hear.sql. Events that come at once are written together (common/postgres/group_commit.py).
"""

from collections.abc import Sequence

from common import codec
from common.observability import traces
from common.orders import messages
from common.orders.messages import StatusChanged
from common.postgres.breaker import Breaker
from common.postgres.group_commit import GroupCommit
from common.postgres.statements import statement
from common.settings import Settings
from notifier_service.deliveries.channel import Channel


class Hearing:
    """Writes deliveries. One for each process."""

    def __init__(self, settings: Settings, breaker: Breaker, channels: Sequence[Channel]) -> None:
        written = statement(
            __file__,
            "hear",
            changed_at=messages.changed_at("l"),
            receivers=",\n".join(channel.receivers for channel in channels),
            all_receivers=" union all ".join(
                f"select '{name}' as channel, event_id, kind, recipient, user_id from {name}_receivers"
                for name in (channel.name for channel in channels)
            ),
        )
        self._commit = GroupCommit(settings, breaker, written, "hear events")
        self.close = self._commit.close

    def hear(self, event: dict[str, object]) -> bool:
        """Write the deliveries of an order_status_changed; true when there may be some, of this event or one that
        was written with it.

        Raises ContractBroken; Unavailable when PostgreSQL is away; psycopg2's error when it refuses this event.
        """
        StatusChanged.read(event)
        [written] = self._commit.write(codec.dumps({"event": event, "traceparent": traces.traceparent()}))
        return bool(written)
