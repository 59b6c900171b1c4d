"""A service with a topic that tells everybody the same: which orders there are, by status. It has the port of
tracking_service."""

from collections.abc import Mapping
from typing import Any

from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import pages
from common.http import Stream, http
from common.live import Live, SharedTopic, snapshots
from common.nameko_runtime import health
from common.postgres.provider import Postgres

_ALL = "select number, status, sequence from orders"
_CHANGED = text(f"{_ALL} where {snapshots.CHANGED_SINCE}")
_WORKERS = text("select name, status from workers order by name")


class Wall(DependencyProvider):
    """The topic, as a service has it."""

    live = Live()
    postgres = Postgres()

    def setup(self) -> None:
        self.said = ""
        self.topic = self.live.add(SharedTopic("wall", self._read))

    def get_dependency(self, worker_ctx: object) -> "Wall":
        return self

    def stream(self, caller: Any, after: str | None) -> Stream:
        return self.live.stream(self.topic, caller, after)

    def page(self) -> dict[str, Any]:
        """What a page would show, and the id that it would hold."""
        with snapshots.one_moment(self.postgres.sessions) as session:
            return {"after": snapshots.current(session), **self._read(session, None)}

    def _read(self, session: Session, after: str | None) -> Mapping[str, Any]:
        rows = session.execute(text(_ALL)) if after is None else session.execute(_CHANGED, {"after": after})
        orders = {number: [status, sequence] for number, status, sequence in rows}
        workers = {row.name: row.status for row in session.execute(_WORKERS)}
        return {"workers": workers, "said": self.said, **({"orders": orders} if orders or after is None else {})}


class Shared(pages.Screens):
    name = "tracking_service"
    needs = (health.DATABASE,)
    wall = Wall()

    @http("GET", "/wall")
    def page(self) -> dict[str, Any]:
        return self.wall.page()

    @http("POST", "/wall")
    def say(self, body: Any) -> dict[str, Any]:
        """Have everybody told as many letters as the body says, with the next reading."""
        self.wall.said = str(body)[0] * body
        self.wall.topic.wake()
        return {}

    @http("GET", "/wall/is-running")
    def is_running(self) -> bool:
        return self.wall.topic.is_running

    @http("GET", "/wall/stream")
    def stream(self, caller: Any, after: str | None = None) -> Stream:
        return self.wall.stream(caller, after)
