"""A notifier with two channels that are made for tests, parcels and pigeons: what a receiver does with what comes
stands in the table `receivers`, and what came in the table `came`."""

from collections.abc import Sequence

import eventlet
from sqlalchemy import text

from common.postgres.sessions import Sessions
from notifier_service import service
from notifier_service.deliveries.channel import Channel, Delivery, Dropped, GivenUp, Outcome, Sent, TryAgain
from notifier_service.deliveries.deliveries import Deliveries
from notifier_service.settings import NotifierSettings

TABLES = """
    create table receivers (channel text, name text, does text not null, primary key (channel, name));
    create table came (id bigint generated always as identity, delivery bigint, event_id uuid, channel text,
        name text, attempt int, pid int, order_number text);
"""
_CAME = text("""
    insert into came (delivery, event_id, channel, name, attempt, order_number)
    values (:delivery, :event_id, :channel, :name, :attempt, :order_number)
""")
_DOES = text("select does from receivers where channel = :channel and name = :name")


class MadeForTests:
    """Tells every event to all of its receivers."""

    places = 3
    seconds = 30.0
    is_on = True

    def __init__(self, name: str, sessions: Sessions) -> None:
        self.name = name
        self._sessions = sessions
        self.receivers = f"""{name}_receivers as (
            select h.event_id, 'order_status_changed' as kind, r.name as recipient, null::bigint as user_id
            from heard h cross join receivers r where r.channel = '{name}'
        )"""

    def send(self, delivery: Delivery) -> Outcome:
        with self._sessions.begin_in_background() as session:
            session.execute(
                _CAME,
                {
                    "delivery": delivery.id,
                    "event_id": delivery.event_id,
                    "channel": self.name,
                    "name": delivery.recipient,
                    "attempt": delivery.attempt,
                    "order_number": delivery.order_number,
                },
            )
        while (does := self._does(delivery)) == "hang":
            eventlet.sleep(0.05)
        match does:
            case "take":
                return Sent()
            case "busy":
                return TryAgain("it is busy")
            case "gone":
                return GivenUp("it is gone")
            case "bored":
                return Dropped("it is bored")
        raise RuntimeError(does)

    def _does(self, delivery: Delivery) -> str:
        with self._sessions.begin_in_background() as session:
            return str(session.execute(_DOES, {"channel": self.name, "name": delivery.recipient}).scalar_one())


def channels_of(settings: NotifierSettings, sessions: Sessions) -> Sequence[Channel]:
    return MadeForTests("parcel", sessions), MadeForTests("pigeon", sessions)


class NotifierWithParcels(service.NotifierService):
    deliveries = Deliveries(channels_of)
