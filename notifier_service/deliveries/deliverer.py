"""The deliverer: sends what is due of one channel.

Every notifier process has one for each channel, with places of its own: a channel whose receivers are slow holds
up no other, and one slow receiver has one place. What is sent is sent outside of any transaction. That it was sent
is written afterwards; a process that dies in between has it sent again when its lease is over, under the same id.
"""

import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any

import eventlet
from nameko_sqlalchemy.database import Session

from common.errors import Unavailable
from common.live.bell import Bell
from common.observability import logs, metrics, traces
from common.postgres.sessions import Sessions
from notifier_service.deliveries import claims, retries
from notifier_service.deliveries.channel import Channel, Delivery, Dropped, GivenUp, Outcome, Sent, TryAgain

SENT, FAILED, DROPPED = "sent", "failed", "dropped"

_IDLE = 1.0  # seconds after which is looked for what other processes have written
_MIN_PAUSE, _MAX_PAUSE = 0.5, 5.0  # seconds between two attempts while PostgreSQL is away
_TO_WRITE = 20.0  # seconds of a lease beyond the attempt's own, in which is written how it ended
_STOP_SECONDS = 10.0  # that a process that stops gives to what is on its way


class Deliverer:
    """Sends by `channel`; a delivery that failed comes again after each of `pauses`, in seconds. `spawn` starts a
    thread."""

    def __init__(
        self,
        channel: Channel,
        sessions: Sessions,
        pauses: Sequence[float],
        spawn: Callable[[Callable[[], None]], Any],
    ) -> None:
        self._channel = channel
        self._sessions = sessions
        self._pauses = pauses
        self._spawn = spawn
        self._bell = Bell()
        self._stopping = False
        self._after = ""  # the receiver whose turn was last
        self._may_be_more = False  # than there were places for
        self._in_hand: dict[int, Any] = {}

    def start(self) -> None:
        self._spawn(self._run)

    def wake(self) -> None:
        """There may be something to send."""
        self._bell.ring()

    def stop(self) -> None:
        """Take nothing more in hand, and wait for what is on its way, for ten seconds at most; the rest is sent by
        others when its lease is over."""
        self._stopping = True
        self._bell.ring()
        with eventlet.Timeout(_STOP_SECONDS, False):
            while self._in_hand:
                eventlet.sleep(0.02)
        for thread in list(self._in_hand.values()):
            thread.kill()

    def _run(self) -> None:
        pause = _MIN_PAUSE
        while not self._stopping:
            try:
                look_again = self._begin_what_is_due()
                pause = _MIN_PAUSE
            except Exception as exc:
                if not isinstance(exc, Unavailable):  # which is logged where it comes from
                    logs.event("deliveries_failed", "looking for deliveries failed", logging.ERROR)
                eventlet.sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE)
                continue
            if not look_again:
                self._bell.wait(_IDLE)

    def _begin_what_is_due(self) -> bool:
        """Take deliveries in hand and start sending them. True when there may be more, and places for them."""
        free = self._channel.places - len(self._in_hand)
        if free <= 0 or not self._channel.is_on:
            return False
        after = self._after
        with self._sessions.single_in_background() as session:
            taken = claims.claim(session, self._channel.name, free, self._channel.seconds + _TO_WRITE, after)
        deadline = monotonic() + self._channel.seconds + _TO_WRITE
        self._may_be_more = len(taken) == free
        # Where some were left, it is their turn next.
        self._after = max(each.recipient for each in taken) if self._may_be_more else ""
        for delivery in taken:
            self._in_hand[delivery.id] = self._spawn(partial(self._deliver, delivery, deadline))
        # With places left, those in front of where it began have their turn, or those who have come meanwhile.
        return len(self._in_hand) < self._channel.places and (self._may_be_more or bool(after))

    def _deliver(self, delivery: Delivery, deadline: float) -> None:
        logs.begin_request(logs.sane_request_id(delivery.data.get("request_id")))
        others_wait = True  # as far as is known
        try:
            told: traces.Attributes = {"expedite.kind": delivery.kind, "expedite.attempt": delivery.attempt}
            with traces.continued(f"deliver by {delivery.channel}", delivery.traceparent, told, traces.CLIENT):
                outcome = self._attempt(delivery)
                traces.note({"expedite.outcome": type(outcome).__name__})
                others_wait = self._write(delivery, outcome, deadline)
        finally:
            self._in_hand.pop(delivery.id, None)
            if others_wait or self._may_be_more:  # its receiver is free, and its place
                self._bell.ring()

    def _attempt(self, delivery: Delivery) -> Outcome:
        try:
            with eventlet.Timeout(self._channel.seconds, False):
                return self._channel.send(delivery)
            return TryAgain(f"no answer in {self._channel.seconds:g} s")
        except Exception as exc:
            logs.event("delivery_failed", f"sending by {delivery.channel} failed", logging.ERROR, error=exc)
            return TryAgain("a fault of ours, which is logged")

    def _write(self, delivery: Delivery, outcome: Outcome, deadline: float) -> bool:
        """Write how an attempt ended, trying until `deadline`, when the lease is over and it is another's. True
        when something else may wait for its receiver."""
        pause = _MIN_PAUSE
        while True:
            try:
                with self._sessions.single_in_background() as session:
                    ended, others_wait = self._written(session, delivery, outcome)
                break
            except Unavailable:
                if monotonic() + pause > deadline:
                    logs.event(
                        "delivery_forgotten",
                        "how a delivery ended could not be written; it is sent again",
                        logging.ERROR,
                        delivery=delivery.id,
                    )
                    return True
                eventlet.sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE)
        metrics.DELIVERIES.labels(delivery.channel, ended).inc()
        logs.event(
            f"delivery_{ended}",
            f"{delivery.kind} by {delivery.channel}: {ended}",
            logging.INFO if ended in (SENT, DROPPED) else logging.WARNING,
            delivery=delivery.id,
            order_number=delivery.order_number,
            attempt=delivery.attempt,
            why=getattr(outcome, "why", None),
        )
        return others_wait

    def _written(self, session: Session, delivery: Delivery, outcome: Outcome) -> tuple[str, bool]:
        """What became of it (sent, failed, dropped, or again), and whether something else may wait for its
        receiver."""
        match outcome:
            case Sent():
                return SENT, claims.end(session, delivery, SENT, None)
            case TryAgain(why, wait):
                pause = retries.pause_after(delivery.tries, self._pauses, wait, random.random())  # noqa: S311
                if pause is not None:
                    return "again", claims.put_back(session, delivery, pause, why)
                return FAILED, claims.end(session, delivery, FAILED, why)
            case GivenUp(why):
                return FAILED, claims.end(session, delivery, FAILED, why)
            case Dropped(why):
                return DROPPED, claims.end(session, delivery, DROPPED, why)
