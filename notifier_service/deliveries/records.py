"""Who was told what: deliveries, as admins and operators read them, and have them sent again.

`GET /deliveries?order_number=ORD_20261122_001&channel=email&status=failed&recipient=ada@example.com`, the newest
first, by the page (common/http/paging.py).
"""

import re
from collections.abc import Iterable
from typing import Any

from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import select, text, update

from common.accounts.identity import Caller, Identities
from common.errors import NotFound, NotOver, Unavailable
from common.form_fields import MAX_EMAIL
from common.http import paging
from common.http.paging import PageRequest, refuse
from common.notifications.deliveries import EMAIL, WEBHOOK
from common.notifications.tables import NotificationDelivery
from common.postgres.provider import Postgres

STATUSES = ("waiting", "sent", "failed", "dropped")
_CHANNELS = (EMAIL, WEBHOOK)
_SHAPE = {"id": int}
_SHOWN = (
    "id", "event_id", "channel", "kind", "recipient", "order_number", "user_id", "status", "attempts",
    "sent_again", "created_at", "next_attempt_at", "ended_at", "error",
)  # fmt: skip

_WAITING = text("""
    select channel, count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8
    from notification_deliveries where status = 'waiting' group by channel
""")


class Records(DependencyProvider):
    """Reads deliveries, and sends them again: `records = Records()`. It is for admins: an address is its owner's,
    and a letter about an account says who has one. Everything raises Unavailable without PostgreSQL, and
    Unauthorized and Forbidden for who is no admin."""

    postgres = Postgres()

    def setup(self) -> None:
        self._sessions = self.postgres.sessions
        self._identities = Identities(self._sessions, self.container.settings.signing_keys())

    def get_dependency(self, worker_ctx: object) -> "Records":
        return self

    def page(self, query: object, caller: Caller) -> dict[str, object]:
        """Deliveries, the newest first. Raises Invalid, naming the parameter."""
        self._identities.of(caller).must_be_admin()
        asked = paging.read(query)
        with self._sessions.begin() as session:
            return asked.page(find(session, asked), lambda row: {"id": row["id"]})

    def send_again(self, delivery_id: Any, caller: Caller) -> dict[str, object]:
        """Have one sent once more that is over. Raises NotFound, and NotOver for one that waits."""
        self._identities.of(caller).must_be_admin()
        with self._sessions.begin() as session:
            return send_again(session, delivery_id)

    def measured(self) -> Iterable[Metric]:
        """What waits, for `GET /metrics`; nothing when PostgreSQL is away."""
        try:
            with self._sessions.begin() as session:
                waiting = session.execute(_WAITING).all()
        except Unavailable:
            return
        count = GaugeMetricFamily(
            "expedite_deliveries_waiting", "Deliveries that are not over.", labels=["channel"]
        )
        age = GaugeMetricFamily(
            "expedite_deliveries_oldest_seconds", "Since the oldest of them was written.", labels=["channel"]
        )
        for channel in _CHANNELS:
            found = {row[0]: row for row in waiting}.get(channel, (channel, 0, 0.0))
            count.add_metric([channel], found[1])
            age.add_metric([channel], max(0.0, found[2]))
        yield count
        yield age


def find(session: Session, asked: PageRequest) -> list[dict[str, object]]:
    """As many as a page has, and one more if there is a next page. Raises Invalid."""
    row = NotificationDelivery
    wanted = select(*(getattr(row, name) for name in _SHOWN)).order_by(row.id.desc()).limit(asked.limit + 1)
    for name, value in asked.filters.items():
        match name:
            case "order_number" | "recipient":
                if not value.isprintable() or not 1 <= len(value) <= MAX_EMAIL:
                    raise refuse(name, f"Must be a line of 1 to {MAX_EMAIL} characters.")
                wanted = wanted.where(getattr(row, name) == (value.lower() if name == "recipient" else value))
            case "channel" | "status":
                known = _CHANNELS if name == "channel" else STATUSES
                if value not in known:
                    raise refuse(name, f"Must be one of: {', '.join(known)}.")
                wanted = wanted.where(getattr(row, name) == value)
            case _:
                raise refuse(re.sub(r"[^\w.-]", "?", name)[:50], "Unknown parameter.")
    if (cursor := asked.cursor_of(_SHAPE)) is not None:
        wanted = wanted.where(row.id < cursor["id"])
    return [_shown(found) for found in session.execute(wanted)]


def send_again(session: Session, delivery_id: Any) -> dict[str, object]:
    """Raises NotFound, and NotOver for one that is not over."""
    row = NotificationDelivery
    number = int(delivery_id) if re.fullmatch(r"[0-9]{1,18}", str(delivery_id), re.ASCII) else 0
    again = (
        update(row)
        .where(row.id == number, row.status != "waiting")
        .values(
            status="waiting",
            attempts_before=row.attempts,  # `attempts` is a fence, and only grows
            sent_again=row.sent_again + 1,
            next_attempt_at=text("now()"),
            ended_at=None,
            error=None,
        )
        .returning(*(getattr(row, name) for name in _SHOWN))
    )
    found = session.execute(again).one_or_none()
    if found is not None:
        return _shown(found)
    if session.execute(select(row.id).where(row.id == number)).one_or_none() is None:
        raise NotFound("There is no such delivery.")
    raise NotOver("It waits to be sent, or is just being sent.")


def _shown(found: Any) -> dict[str, object]:
    """What is over has no next attempt."""
    row = dict(found._mapping)
    return row if row["status"] == "waiting" else {**row, "next_attempt_at": None}
