"""The dashboard, as the service's methods see it: `dashboard = Dashboard()`.

All who look share what was read. What is open now is read again when it is two seconds old, the two days' orders
when they are five: so a thousand viewers cost what one does, however much is happening. It needs PostgreSQL alone.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session

from common.accounts.access import Person
from common.accounts.identity import Caller, Identities
from common.errors import Invalid
from common.http import Stream
from common.live import Live, SharedTopic, snapshots
from common.orders.open_orders import MAX_COUNTED
from common.pages import Page
from common.pages.extensions import Rendering
from common.pages.settings import PageSettings
from common.postgres.provider import Postgres
from common.snapshot import Snapshot
from tracking_service.dashboard import charts, days, reading, sheet, staffing, steps
from tracking_service.dashboard.figures import Day, State
from tracking_service.dashboard.hours import more_or_fewer

STATE_SECONDS = 2.0
DAY_SECONDS = 5.0

#: What changes while one looks, each sent by itself when it does: the name of its element, and its template.
PARTS = {
    name: f"dashboard_{name}.html"
    for name in ("counts", "stuck", "workers", "hours", "steps", "hours_table", "steps_table")
}


class Dashboard(DependencyProvider):
    """Keeps nothing for a worker, so all share it. Everything raises Unavailable without PostgreSQL, Unauthorized
    for a guest and Forbidden for a customer."""

    postgres = Postgres()
    live = Live()
    rendering = Rendering()

    def setup(self) -> None:
        self._settings: PageSettings = self.container.settings
        self._identities = Identities(self.postgres.sessions, self._settings.signing_keys())
        self._state: Snapshot[Session, State] = Snapshot(self._read_state, STATE_SECONDS)
        self._today: Snapshot[Session, Day] = Snapshot(self._read_today, DAY_SECONDS)
        self._parts: Snapshot[Session, dict[str, str]] = Snapshot(self._render_parts, STATE_SECONDS)
        self._read_for: tuple[Session, dict[str, str]] | None = None
        self._topic = self.live.add(SharedTopic("dashboard", self._read_parts))

    def get_dependency(self, worker_ctx: object) -> "Dashboard":
        return self

    def page(self, caller: Caller) -> Page:
        """The whole page."""
        person = self._staff(caller)
        with snapshots.one_moment(self.postgres.sessions) as session:
            values = self._values(session)
        return Page("dashboard.html", person, {**values, "has_ages": True})

    def stream(self, caller: Mapping[str, Any], after: str | None) -> Stream:
        """Its parts, whenever they change."""
        return self.live.stream(self._topic, caller, after, check=lambda: self._staff(dict(caller)))

    def sheet(self, query: Mapping[str, str], caller: Caller) -> bytes:
        """A day's figures as CSV; `day` in the query is 2026-11-26, without it today. Raises Invalid."""
        self._staff(caller)
        zone = self._settings.time_zone
        with self.postgres.sessions.begin() as session:
            now = reading.now(session)
            wanted = query.get("day") or str(now.astimezone(zone).date())
            found = reading.day(session, days.of_day(_day(wanted), zone), zone, now)
        return sheet.of(found, zone.key)

    def _staff(self, caller: Caller) -> Person:
        person = self._identities.of(caller)
        person.must_be_staff()
        return person

    def _read_state(self, session: Session) -> State:
        return reading.state(session, self._settings)

    def _read_today(self, session: Session) -> Day:
        now = reading.now(session)
        zone = self._settings.time_zone
        return reading.day(session, days.of_now(now, zone), zone, now)

    def _values(self, session: Session) -> dict[str, Any]:
        """What the templates show."""
        state, today = self._state.get(session), self._today.get(session)
        workers = staffing.shown(state.workers, state.now)
        return {
            "state": state,
            "today": today,
            "workers": workers,
            "interval": staffing.interval_of_all(workers),
            "orders_chart": charts.orders_by_hour(today.hours),
            "sales_chart": charts.sales_by_hour(today.hours),
            "steps_chart": charts.time_in_steps(today.lines),
            "more_or_fewer": more_or_fewer,
            "min_orders": steps.MIN_ORDERS,
            "max_counted": MAX_COUNTED,
            "limits": {"waits": self._settings.stuck_received, "cooks": self._settings.stuck_cooking},
            "yesterday": today.days.day - timedelta(days=1),
        }

    def _render_parts(self, session: Session) -> dict[str, str]:
        values = self._values(session)
        # Ages go on by themselves in a browser: a part that is older and else the same is not sent again.
        return {
            name: self.rendering.render(template, **values, has_ages=False) for name, template in PARTS.items()
        }

    def _read_parts(self, session: Session, after: str | None) -> dict[str, str]:
        """For the topic: the same for all who come back in one reading, whatever they have seen."""
        if self._read_for is None or self._read_for[0] is not session:
            self._read_for = session, self._parts.get(session)
        return self._read_for[1]


def _day(given: str) -> date:
    try:
        day = date.fromisoformat(given)
        if not date(2000, 1, 1) <= day <= date(2999, 12, 31):
            raise ValueError(given)
    except ValueError as exc:
        raise Invalid.fields([{"field": "day", "message": "Must be a day, like 2026-11-26."}]) from exc
    return day
