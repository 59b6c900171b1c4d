"""The console channel: every process prints every change, once and in order."""

from collections import OrderedDict

from nameko.extensions import DependencyProvider

from common.observability import logs
from common.orders.messages import StatusChanged

_MAX_REMEMBERED = 10_000  # orders whose last change is known; older ones are long done


class Console(DependencyProvider):
    """Provides itself. Remembers what it has printed, since a message can come twice."""

    def setup(self) -> None:
        self._seen: OrderedDict[str, int] = OrderedDict()

    def get_dependency(self, worker_ctx: object) -> "Console":
        return self

    def show(self, event: dict[str, object]) -> None:
        """Print a change of status and log it, unless it is not newer than what was printed of the order.

        Raises ContractBroken.
        """
        change = StatusChanged.read(event)
        if not self._is_news(change.order_number, change.sequence):
            return
        print(sentence(change), flush=True)  # noqa: T201  (this is what it is for)
        logs.event(
            "notification_received",
            f"{change.order_number}: {change.old_status} → {change.new_status}",
            order_number=change.order_number,
            old_status=change.old_status,
            new_status=change.new_status,
            changed_by=change.changed_by,
            sequence=change.sequence,
        )

    def _is_news(self, order_number: str, sequence: int) -> bool:
        if sequence <= self._seen.get(order_number, 0):
            return False
        self._seen[order_number] = sequence
        self._seen.move_to_end(order_number)
        if len(self._seen) > _MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return True


def sentence(change: StatusChanged) -> str:
    """The change as a line for people."""
    return (
        f"Notification for order {change.order_number}: Status changed from '{change.old_status}' "
        f"to '{change.new_status}' by {_one_line(change.changed_by)}."
    )


def _one_line(name: str) -> str:
    """A name from a message, without anything that could move a terminal's cursor."""
    return "".join(char if char.isprintable() else "?" for char in name)
