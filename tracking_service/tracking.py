"""Where orders stand, as the service's methods see it: `tracking = Tracking()`.

What is asked for once is read at the standby, where there is one that is close behind. Streams read at the
primary, which alone tells when something has changed.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from nameko.extensions import DependencyProvider
from prometheus_client import Metric

from common.accounts.identity import Identities
from common.errors import NotFound, Unavailable
from common.http import Stream
from common.live import Live
from common.pages.extensions import Rendering
from common.postgres.provider import Postgres
from common.postgres.sessions import Sessions, in_session
from common.snapshot import Snapshot
from tracking_service import gauges
from tracking_service.gauges import Figures
from tracking_service.lobby.lobby import Lobby
from tracking_service.order_streams import OrderStreams, Viewer
from tracking_service.readers import Readers
from tracking_service.settings import TrackingSettings
from tracking_service.standby import Standby
from tracking_service.visitors import Visitors

_Found = TypeVar("_Found")


class Tracking(DependencyProvider):
    """The board, for everybody. Keeps nothing for a worker, so all share it."""

    postgres = Postgres()
    standby = Standby()
    rendering = Rendering()
    live = Live()

    def setup(self) -> None:
        settings: TrackingSettings = self.container.settings
        self._sessions = self.postgres.sessions
        identities = Identities(self._sessions, settings.signing_keys())
        self._visitors = Visitors(identities, settings.tracking_links())
        self._primary = Readers(self._sessions, settings, self._visitors, self.rendering)
        self._standby: Readers | None = None
        if (at_standby := self.standby.sessions) is not None:
            self._standby = Readers(at_standby, settings, self._visitors, self.rendering)
        self._order_streams = self.live.add(
            OrderStreams(self._primary.board, self._visitors, self._primary.tracker)
        )
        self.lobby = Lobby(self.rendering, self.live)
        self._figures: Snapshot[Sessions, Figures] = Snapshot(
            in_session(lambda session: gauges.read(session, settings))
        )

    def stop(self) -> None:
        self._primary.statuses.close()
        if self._standby is not None:
            self._standby.statuses.close()

    def read(self, ask: Callable[[Readers], _Found]) -> _Found:
        """What `ask` finds at the standby, and where that is too far behind, away, or does not know of it yet, at
        the primary. Raises what `ask` raises."""
        if self._standby is not None and self.standby.is_close:
            try:
                return ask(self._standby)
            except (NotFound, Unavailable):
                pass
        return ask(self._primary)

    def stream(self, order_number: str, caller: dict[str, Any], after: str | None) -> Stream:
        """What happens to the order, from now on or from the step `after`; with its key in full. Raises NotFound,
        and TooManyRequests where there is no room."""

        def viewer() -> Viewer:
            return Viewer(self._primary.statuses.standing(order_number).id, self._visitors.person(caller))

        return self.live.stream(self._order_streams, caller, after, viewer)

    def get_dependency(self, worker_ctx: object) -> "Tracking":
        return self

    def measured_now(self) -> Iterable[Metric]:
        """The figures of now, also without PostgreSQL: then they say so."""
        yield from self.standby.measured_now()
        try:
            figures: Figures | None = self._figures.get(self._sessions)
        except Unavailable:
            figures = None
        yield from gauges.metrics(figures)
