"""The evening, from the first order to the last."""

import secrets
import time
from pathlib import Path

from devstack.demo.door import Door
from devstack.demo.evening import Evening
from devstack.demo.guests import Guests
from devstack.demo.staff import Staff
from devstack.demo.workers import MARIO, Workers
from devstack.greeting import say_where
from devstack.processes import DevstackError, say
from devstack.running import Running, is_given, running
from devstack.stopping import StopSignals

#: Everything goes faster than in a house: so does what counts as late, as gone and as stuck. Seconds.
_FAST = {
    "HEARTBEAT_INTERVAL": "5",
    "STUCK_RECEIVED": "40",
    "STUCK_COOKING": "120",
    **{f"AGE_WARN_{order_type}": "30" for order_type in ("DINE_IN", "TAKEOUT", "DELIVERY")},
    **{f"AGE_LATE_{order_type}": "60" for order_type in ("DINE_IN", "TAKEOUT", "DELIVERY")},
    "STOP_GRACE": "20",
    "LOG_LEVEL": "ERROR",
}


def perform(checkout: Path, signals: StopSignals, minutes: float, seed: int | None) -> None:
    """Starts everything, as `make run` does, and plays the evening for so many minutes. Raises StopRequestedError
    when it is told to stop, and DevstackError when something does not start, or where the database is not one that
    the development stack runs itself."""
    if is_given():
        raise DevstackError(
            "the demo writes made-up orders, so it plays in the development stack's own database only: "
            "unset DATABASE_URL"
        )
    if seed is None:
        seed = secrets.randbelow(10_000)
    evening = Evening(seed, minutes * 60)
    with running(checkout, signals, {**_FAST, **MARIO.settings(evening.pace)}, is_quiet=True) as expedite:
        if expedite.account is None:
            raise DevstackError("the demo needs the account above to serve with: give it that password again")
        say_where(expedite)
        say(f"\nAn evening in fast motion, for {minutes:g} minutes; Ctrl-C ends it. Its seed is {seed}.")
        say("It writes made-up orders into this checkout's development database (.devstack), which keeps them.\n")
        _play(expedite, evening)


def _play(expedite: Running, evening: Evening) -> None:
    assert expedite.account is not None  # noqa: S101 - for the type checker
    door = Door(expedite.services, expedite.account)
    guests, staff = Guests(evening, door), Staff(evening, door)
    workers = Workers(expedite, evening, door)
    evening.begin()
    try:
        for player in (workers, staff, guests):
            player.begin()
        while not evening.is_over():
            evening.do_what_is_due()
            expedite.supervisor.check()
            time.sleep(0.05)
    finally:
        staff.go_home()
        say(
            f"\nThe evening is over: {guests.placed} orders placed, {guests.cancelled} cancelled, "
            f"{guests.returned} by guests who came back; {workers.killed} times a worker died, "
            f"{workers.taken_over} orders taken over."
        )
