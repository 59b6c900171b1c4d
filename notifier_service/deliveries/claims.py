"""Taking deliveries in hand, and writing how each ended.

Who takes one has a lease of it. A process that dies writes nothing; when the lease is over another takes it. The
number of the attempt is a fence: who was believed dead, and was only slow, writes nothing of an attempt that is
not the last.
"""

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.postgres.statements import statement
from notifier_service.deliveries.channel import Delivery

# Advisory lock: of one channel one process claims at a time, so one is in hand per receiver.
_CLAIM_LOCK = 0x0D7B0C8

# Sent together, outside of a transaction block, they are one transaction and one way to the server and back.
_TAKE = statement(__file__, "claim")
_CLAIM = text(f"select pg_advisory_xact_lock({_CLAIM_LOCK}, hashtext(:channel));\n{_TAKE}")
_IF_OURS = """
    where d.id = :id and d.attempts = :attempt and d.status = 'waiting' and d.leased_until is not null
    returning exists (
        select from notification_deliveries other
        where other.channel = d.channel and other.recipient = d.recipient and other.status = 'waiting'
            and other.next_attempt_at <= now() and other.id <> d.id
    ) as others_wait
"""
_ENDED = text(f"""
    update notification_deliveries d
    set status = :status, ended_at = now(), leased_until = null, error = :error
    {_IF_OURS}
""")
_AGAIN = text(f"""
    update notification_deliveries d
    set next_attempt_at = now() + make_interval(secs => :pause), leased_until = null, error = :error
    {_IF_OURS}
""")


def claim(session: Session, channel: str, places: int, lease: float, after: str) -> list[Delivery]:
    """At most `places` deliveries that are due, each of another receiver behind `after`, and in nobody else's
    hands for `lease` seconds from now. Other processes wait until its transaction is over."""
    values = {"channel": channel, "places": places, "lease": lease, "after": after}
    return [Delivery(*row) for row in session.execute(_CLAIM, values).all()]


def end(session: Session, delivery: Delivery, status: str, error: str | None) -> bool:
    """It is over: `status` is sent, failed or dropped. True when something else may wait for its receiver."""
    values = {"id": delivery.id, "attempt": delivery.attempt, "status": status, "error": error}
    return session.execute(_ENDED, values).scalar_one_or_none() is not False


def put_back(session: Session, delivery: Delivery, pause: float, error: str) -> bool:
    """It comes again in `pause` seconds. True when something else may wait for its receiver."""
    values = {"id": delivery.id, "attempt": delivery.attempt, "pause": pause, "error": error}
    return session.execute(_AGAIN, values).scalar_one_or_none() is not False
