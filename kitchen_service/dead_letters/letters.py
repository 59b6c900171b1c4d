"""Dead letters: messages that nobody could process, kept for people to read, send again or drop.

A letter's headers say why (`reason`), where (`queue`), how often (`attempts`), when (`failed_at`) and by whom
(`failed_by`). Replaying sends it back to its queue with its count kept, and brings its order back from `failed`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import amqp
import eventlet
from nameko.extensions import DependencyProvider
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from common import codec
from common.errors import IllegalMove, Invalid, NotFound
from common.orders import moves, topology
from common.orders.lifecycle import FAILED, KITCHEN, ORDER_TYPES, RECEIVED
from common.orders.moves import Actor
from common.postgres.provider import Postgres
from common.postgres.sessions import Sessions
from common.rabbitmq import broker
from common.settings import Settings
from common.snapshot import Snapshot
from kitchen_service.stove import SERVICE_NAME

_KITCHEN_QUEUES = [topology.kitchen_queue(order_type) for order_type in ORDER_TYPES]
_REPLAYED = "replayed"  # the reason, in an order's history
_MAX_LETTERS = 10_000  # letters that one call looks at
_COUNT_SECONDS = 2.0  # for how long the broker may take to say how many there are


@dataclass(frozen=True)
class Letter:
    """One dead letter, still in its queue."""

    message: amqp.Message = field(repr=False)

    @property
    def id(self) -> str:
        """The message's id, or for one without a digest of what it says."""
        given = self.message.properties.get("message_id")
        return given or hashlib.sha256(_bytes(self.message.body)).hexdigest()[:16]

    @property
    def body(self) -> Any:
        """The decoded body; of what is no JSON the text."""
        try:
            return codec.loads(self.message.body)
        except ValueError:
            return _bytes(self.message.body).decode("utf-8", "replace")

    def header(self, name: str) -> Any:
        return (self.message.headers or {}).get(name)

    @property
    def order_number(self) -> str | None:
        body = self.body
        return body.get("order_number") if isinstance(body, dict) else None

    def summary(self) -> dict[str, object]:
        """What `list` shows. Nothing personal."""
        return {
            "id": self.id,
            "order_number": self.order_number,
            "queue": self.header("queue"),
            "reason": self.header("reason"),
            "attempts": self.header("attempts"),
            "failed_at": self.header("failed_at"),
            "failed_by": self.header("failed_by"),
        }

    def in_full(self) -> dict[str, object]:
        """What `show` shows."""
        return {**self.summary(), "body": self.body}

    def is_of(self, letter_id: str | None, queue: str | None, reason: str | None) -> bool:
        """Whether it is meant: by id, by queue, by a part of the reason; None means any."""
        return (
            (letter_id is None or self.id == letter_id)
            and (queue is None or self.header("queue") == queue)
            and (reason is None or reason.lower() in str(self.header("reason")).lower())
        )


class DeadLetters(DependencyProvider):
    """The queue `dead_letters`, and what people do with it. Everything raises one of broker.Lost."""

    postgres = Postgres()

    def setup(self) -> None:
        self.use(self.postgres.sessions, self.container.settings)

    def use(self, sessions: Sessions, settings: Settings) -> Self:
        """For a program that is no service; returns itself."""
        self._sessions = sessions
        self._settings = settings
        self._count: Snapshot[str, int] = Snapshot(_count, fresh=5)
        return self

    def get_dependency(self, worker_ctx: object) -> "DeadLetters":
        return self

    def summaries(self, queue: str | None = None, reason: str | None = None) -> list[dict[str, object]]:
        """Summaries, oldest first."""
        with self._opened(None, queue, reason) as (_connection, _channel, letters):
            return [letter.summary() for letter in letters]

    def measured_now(self) -> Iterable[Metric]:
        """How many there are, for /metrics; nothing while the broker does not say."""
        with suppress(*broker.Lost):
            count = self._count.get(self._settings.amqp_uri)
            yield GaugeMetricFamily("expedite_dead_letters", "Messages that nobody could process.", value=count)

    def show(self, letter_id: str) -> dict[str, object]:
        """A letter with its body. Raises NotFound."""
        with self._opened(letter_id, None, None) as (_connection, _channel, letters):
            if not letters:
                raise NotFound(f"There is no dead letter {letter_id[:40]}.")
            return letters[0].in_full()

    def drop(
        self, letter_id: str | None = None, queue: str | None = None, reason: str | None = None
    ) -> list[dict[str, object]]:
        """Delete the letters that are meant; returns their summaries."""
        return self._each(letter_id, queue, reason, lambda connection, letter: None)

    def replay(
        self, letter_id: str | None = None, queue: str | None = None, reason: str | None = None
    ) -> list[dict[str, object]]:
        """Send the letters that are meant back to their queues; returns their summaries.

        A letter leaves `dead_letters` only when the broker has confirmed its copy.
        """
        return self._each(letter_id, queue, reason, self._send_back)

    def replay_order(self, order_number: str, actor: Actor) -> None:
        """Bring a failed order back, as `actor`, and send its letter back to its queue. Without a letter its
        ticket is missing, and the sweeper sends another one. Raises NotFound and IllegalMove."""
        with self._taken() as (connection, channel, taken):
            with self._sessions.begin() as session:
                moves.move(session, SERVICE_NAME, order_number, RECEIVED, actor, source=FAILED, reason=_REPLAYED)
            for letter in taken:
                if letter.order_number == order_number and letter.header("queue") in _KITCHEN_QUEUES:
                    broker.publish(connection, broker.copy(letter.message), "", letter.header("queue"))
                    channel.basic_ack(letter.message.delivery_tag)

    def _each(
        self,
        letter_id: str | None,
        queue: str | None,
        reason: str | None,
        handle: Callable[[amqp.Connection, Letter], None],
    ) -> list[dict[str, object]]:
        if letter_id is queue is reason is None:
            raise Invalid.fields([{"field": "letter_id", "message": "Name a letter, a queue or a reason."}])
        done = []
        with self._opened(letter_id, queue, reason) as (connection, channel, letters):
            for letter in letters:
                summary = letter.summary()
                try:
                    handle(connection, letter)
                except NotFound as exc:
                    done.append({**summary, "refused": exc.detail})  # it stays, and the others go on
                else:
                    channel.basic_ack(letter.message.delivery_tag)
                    done.append(summary)
        return done

    def _send_back(self, connection: amqp.Connection, letter: Letter) -> None:
        queue = letter.header("queue")
        if queue not in _KITCHEN_QUEUES:
            raise NotFound(
                f"It came from {str(queue)[:40]}, which is no kitchen queue: it can be shown and dropped."
            )
        if letter.order_number is not None:
            self._bring_back(letter.order_number, letter.body.get("placed_at"))
        broker.publish(connection, broker.copy(letter.message), "", queue)

    def _bring_back(self, order_number: str, placed_at: str | None) -> None:
        """A failed order is received again; one that went on without its letter stays as it is."""
        with self._sessions.begin() as session, suppress(IllegalMove, NotFound):
            options = {"reason": _REPLAYED, "placed_at": placed_at}
            moves.move(session, SERVICE_NAME, order_number, RECEIVED, Actor(KITCHEN, KITCHEN), **options)

    @contextmanager
    def _opened(
        self, letter_id: str | None, queue: str | None, reason: str | None
    ) -> Iterator[tuple[amqp.Connection, amqp.Channel, Sequence[Letter]]]:
        """Those letters, off the queue for the length of the block; what is not acknowledged returns."""
        with self._taken() as (connection, channel, letters):
            yield connection, channel, [each for each in letters if each.is_of(letter_id, queue, reason)]

    @contextmanager
    def _taken(self) -> Iterator[tuple[amqp.Connection, amqp.Channel, Sequence[Letter]]]:
        """All letters, in the same way."""
        with broker.connected(self._settings.amqp_uri, self._settings.broker_heartbeat) as connection:
            channel = connection.channel()
            topology.declare(channel, self._settings.queue_type)
            letters: list[Letter] = []
            while (
                len(letters) < _MAX_LETTERS and (message := channel.basic_get(topology.DEAD_LETTERS)) is not None
            ):
                letters.append(Letter(message))
            yield connection, channel, letters
            # Its answer tells that what was acknowledged is gone, and what was not is back.
            with suppress(*broker.Lost):
                channel.close()


def _count(amqp_uri: str) -> int:
    too_slow = OSError("the broker does not say how many dead letters there are")
    with eventlet.Timeout(_COUNT_SECONDS, too_slow), broker.connected(amqp_uri, heartbeat=0) as connection:
        return int(connection.channel().queue_declare(topology.DEAD_LETTERS, passive=True).message_count)


def _bytes(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else body.encode("utf-8", "replace")
