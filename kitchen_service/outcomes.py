"""What becomes of a ticket: decided here, as a value. Who cooks carries out its part in PostgreSQL (`kitchen`),
and the work queue its part in RabbitMQ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from common.errors import NotFound, Unavailable
from common.orders.events import ContractBroken


class GivenUp(Exception):
    """The ticket's order was given up before, so the ticket belongs among the dead letters."""


class CookedElsewhere(Exception):
    """Another worker cooks the order, and lives. The ticket waits: it is needed if that worker dies."""


class TryLater(Exception):
    """This order cannot be moved at the moment, though PostgreSQL answers: others should not wait for it."""


#: Failures that no repetition heals.
PERMANENT = (ContractBroken, NotFound, GivenUp)


@dataclass(frozen=True)
class Done:
    """The order is taken care of: the ticket is acknowledged."""

    name: ClassVar[str] = "done"


@dataclass(frozen=True)
class Retried:
    """It failed, which may heal: the ticket comes again after so many seconds, and counts one attempt more."""

    name: ClassVar[str] = "retried"
    failure: Exception
    after: float


@dataclass(frozen=True)
class PutOff:
    """PostgreSQL is away, which is no attempt: the ticket comes again after so many seconds. None: this worker
    stops, and another one may take it at once."""

    name: ClassVar[str] = "put_off"
    failure: Exception
    after: float | None


@dataclass(frozen=True)
class InOtherHands:
    """A living worker cooks the order: the ticket comes again after so many seconds, to see whether it still
    lives."""

    name: ClassVar[str] = "in_other_hands"
    failure: Exception
    after: float


@dataclass(frozen=True)
class DeadLettered:
    """Nobody can work on it: the ticket goes where people read it. With `fails_order` the order becomes `failed`
    first, so that its history says so."""

    name: ClassVar[str] = "dead_lettered"
    failure: Exception
    fails_order: bool


Outcome = Done | Retried | PutOff | InOtherHands | DeadLettered
OUTCOMES = (Done, Retried, PutOff, InOtherHands, DeadLettered)


def outcome_of(
    failure: Exception | None, attempts: int, retry_pauses: Sequence[float], *, is_stopping: bool
) -> Outcome:
    """What becomes of a ticket that was worked on, and had failed `attempts` times before. `retry_pauses`
    (seconds) has one for each attempt that is made again."""
    if failure is None:
        return Done()
    if isinstance(failure, Unavailable):
        return PutOff(failure, None if is_stopping else retry_pauses[-1])
    if isinstance(failure, CookedElsewhere):
        return InOtherHands(failure, retry_pauses[0])
    if isinstance(failure, PERMANENT):
        return DeadLettered(failure, fails_order=False)
    if attempts >= len(retry_pauses):
        return DeadLettered(failure, fails_order=True)
    return Retried(failure, retry_pauses[attempts])


def reason(failure: Exception) -> str:
    """A failure in a line, for headers and for the order's history."""
    lines = str(failure).splitlines() or [""]
    return f"{type(failure).__name__}: {lines[0]}"[:300]
