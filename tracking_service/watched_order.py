"""An order that somebody watches: what they were told of it, and what they are told next."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.accounts.access import Visibility
from common.live import framing
from common.live.client import Client
from common.orders.lifecycle import RECEIVED
from common.orders.queries import Standing
from tracking_service.order_steps import Found
from tracking_service.tracker.facts import minute

SLIP = timedelta(minutes=1)  # by which an estimate has to change to be told again
LOOK_SECONDS = 2.0  # between two looks at the estimates of orders that wait


@dataclass
class WatchedOrder:
    """An order that has clients, all of which know where it stands."""

    standing: Standing
    sequence: int
    changed_in: str | None  # what wrote it then
    estimate: datetime | None = None  # that they were told
    clients: dict[Client, Visibility] = field(default_factory=dict)  # and what they see of it

    def present(self) -> Standing:
        """Where it stands, as those who watch it were told."""
        return self.standing._replace(estimated_completion=self.estimate)

    def slips_to(self, estimate: datetime | None, now: datetime) -> bool:
        """True when an estimate of `now`, while it waits, is another than they were told; or when the time that
        they were told is over before the next look, as clocks show it."""
        if self.standing.status != RECEIVED or estimate is None:
            return False
        if self.estimate is None or abs(estimate - self.estimate) >= SLIP:
            return True
        next_look = now + timedelta(seconds=2 * LOOK_SECONDS)
        return minute(self.estimate) < minute(next_look) and minute(self.estimate) < minute(estimate)

    def steps(self, order: Found, known: int) -> list[bytes]:
        """The events of the steps after `known`; that of the present is the last."""
        if known == order.sequence:
            return []
        past = [
            framing.event(
                "status",
                {
                    "order_number": order.standing.number,
                    "current_status": step.status,
                    "updated_at": step.changed_at,
                    "estimated_completion": None,  # of then nobody knows it
                    "processed_by": step.processed_by,
                    "sequence": step.sequence,
                },
                str(step.sequence),
            )
            for step in order.missed_since(known)
        ]
        return [*past, self.status_event()]

    def status_event(self) -> bytes:
        told = {**self.present().as_answer(), "sequence": self.sequence}
        return framing.event("status", told, str(self.sequence))

    def estimate_event(self) -> bytes:
        return framing.event(
            "estimate",
            {
                "order_number": self.standing.number,
                "estimated_completion": self.estimate,
                "sequence": self.sequence,
            },
        )
