"""The lobby, as the service's methods see it."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from nameko_sqlalchemy.database import Session

from common.http import Stream
from common.live import Live, SharedTopic, snapshots
from common.pages import Page
from common.pages.extensions import Rendering
from common.postgres.sessions import Sessions
from tracking_service.lobby import reading
from tracking_service.lobby.numbers import Wall, shown_since, wall


class Lobby:
    """For everybody: a number says nothing of whose it is. Everything raises Unavailable without PostgreSQL."""

    def __init__(self, rendering: Rendering, live: Live) -> None:
        self._rendering = rendering
        self._live = live
        self._topic = live.add(SharedTopic("lobby", self._read))

    def page(self, query: Mapping[str, str], sessions: Sessions) -> Page:
        """The wall as it is now. It is dark, or with theme=light light."""
        with snapshots.one_moment(sessions) as session:
            values = {"after": snapshots.current(session), "wall": self._wall(session)}
        return Page("lobby.html", None, {**values, "theme": "light" if query.get("theme") == "light" else "dark"})

    def stream(self, caller: Mapping[str, Any], after: str | None) -> Stream:
        """The wall whenever it changes, as HTML. Raises TooManyRequests where there is no room."""
        return self._live.stream(self._topic, caller, after)

    def _read(self, session: Session, after: str | None) -> Mapping[str, Any]:
        """All of it each time: it is small."""
        return {"html": self._rendering.render("lobby_numbers.html", wall=self._wall(session))}

    def _wall(self, session: Session) -> Wall:
        now = datetime.now(UTC)
        today = self._rendering.formats.local(now)
        start = datetime.combine(today.date(), time(), today.tzinfo)
        made, ready, are_there_more = reading.read(session, shown_since(start, now))
        return wall(made, ready, now, are_there_more=are_there_more)
