"""Passwords: argon2id, worked out beside the process's other work, and never many at once.

A hash is made to cost time and memory. It is computed in a thread of its own, at a low priority and one at a time,
so that people who order do not feel that others sign in, or that somebody tries passwords by the thousand. One
whose request gave up meanwhile is finished before the next begins.
"""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from eventlet import tpool
from eventlet.semaphore import Semaphore

from common.errors import TooManyRequests

# 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NICENESS = 10
_MAX_WAITING = 30  # sign-ins that wait for their turn; about a second's worth
_TURN = Semaphore(1)

# One native thread instead of eventlet's twenty, which nothing else here uses: glibc keeps a hash's memory for the
# thread's next one, and for each thread by itself. Giving it back each time made a hash half as slow again.
tpool.set_num_threads(1)

# What an unknown user's password is held against, so that it takes as long as a known one's.
_NOBODYS = _HASHER.hash(os.urandom(16).hex())

_Result = TypeVar("_Result")


def hashed(password: str) -> str:
    """The password's hash, with a salt of its own. Raises TooManyRequests when too many wait already."""
    return _beside(lambda: _HASHER.hash(password))


def matches(password: str, password_hash: str | None) -> bool:
    """Whether it is the password of that hash; of None, an unknown user's, never. Raises TooManyRequests."""
    return _beside(lambda: _verify(password, password_hash or _NOBODYS)) and password_hash is not None


def _verify(password: str, password_hash: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _beside(work: Callable[[], _Result]) -> _Result:
    if -_TURN.balance >= _MAX_WAITING:
        raise TooManyRequests.until(1)
    with _TURN:
        result: _Result = tpool.execute(_nicely, work)
        return result


def _nicely(work: Callable[[], _Result]) -> _Result:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)  # of this thread, on Linux
    return work()
