"""Live: what changes in the tables reaches the pages that show it, as server-sent events.

PostgreSQL's notifications only wake; the truth is read from the tables, once for all who listen to a topic. It
works with RabbitMQ stopped.

    class Lobby(DependencyProvider):
        live = Live()

        def setup(self):
            self._topic = self.live.add(SharedTopic("lobby", self._read))

        def get_dependency(self, worker_ctx):
            return self

        def stream(self, caller, after):
            return self.live.stream(self._topic, caller, after)

        def _read(self, session, after):
            return {"cooking": [...], "ready": [...]}

    class TrackingService(Screens):
        name = "tracking_service"
        lobby = Lobby()

        @http("GET", "/lobby/stream")
        def lobby_stream(self, caller, after=None):
            return self.lobby.stream(caller, after)

**What is read.** `read(session, after)` returns members (what JSON can say) that tell how things are, not what to
add. `after` is a snapshot: return what has changed since, and leave out what has not; with None, return
everything. A row of `orders` has changed when `snapshots.CHANGED_SINCE` is true of it. A member that says the same
as the last time is not sent again, so what is small, or does not hang on `orders.changed_in` (workers that are
offline by now, counts), can be returned whole each time; write moments instead of ages, which would never be the
same. With nothing to say, nothing is sent. The transaction sees one moment, and `read` is called several times in
it for clients that come back with several ids: it keeps nothing from one call to the next. It blocks nobody else,
but should take milliseconds: the topic then rests for ten times as long (two seconds at most).

**What is sent.** One event for each reading, with the members as its data:

| event | data | id |
| --- | --- | --- |
| `hello` | `{"now": the server's time, "version": of the pages}`, at once | |
| `ping` | `{"now": …}`, every ten seconds | |
| `change` | the members that changed | the snapshot |
| `reset` | everything: for who has no id, or one that is no snapshot of this database's past | the snapshot |

A page that misses two pings takes the connection for lost, and opens another. The stream of a single order has
events of its own besides `hello` and `ping` (tracking_service/order_streams.py).

**Where one begins.** A page holds the id of the state that it shows, `snapshots.current(session)` in the
`snapshots.one_moment(sessions)` that the state was read in, and opens `…/stream?after=<id>`; when it comes back,
with the id of the last event, as `after` again or as Last-Event-ID. A method that asks for `after` gets either.
What came since is sent as one `change`, from memory where it is remembered, and read otherwise; at whichever
process of the service.

**Who may listen** is asked by `check`, which stream() calls when there is room and before anything is read:
`check=lambda: identities.of(caller).must_be_staff()`. A stream ends after about ten minutes; the page comes back,
and is asked again. One for everybody is an `@http`, as above; one for staff is a `@page`, which renews the session
of a screen that is open all day.

| module | what it knows |
| --- | --- |
| streams | the extension: topics, and a stream of one |
| shared_topic | topics that tell everybody the same |
| topic | when a topic reads: once for all, and paced |
| client | one stream: what waits for it, its pings, its end |
| bell | waiting for something that happens once or often |
| seats | how many there may be |
| wakeups | LISTEN, and the clock beside it |
| snapshots | the ids |
| framing | server-sent events, byte by byte |
"""

from common.live.shared_topic import SharedTopic
from common.live.streams import Live
from common.live.topic import Topic

__all__ = ["Live", "SharedTopic", "Topic"]
