"""Passwords' hashes: what they say, and that there is one at a time, whoever gives up."""

import threading
from collections.abc import Iterator
from unittest import mock

import eventlet
import pytest
from eventlet import patcher

from common.errors import TooManyRequests
from order_service.accounts import passwords

A_HASH = 0.05  # seconds
_time = patcher.original("time")


class SlowHasher:
    """Takes its time, and counts how many take theirs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most_at_once = 0
        self.finished: list[str] = []

    def hash(self, password: str) -> str:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        _time.sleep(A_HASH)
        with self._lock:
            self._now -= 1
            self.finished.append(password)
        return f"hash of {password}"


@pytest.fixture
def hasher() -> Iterator[SlowHasher]:
    slow = SlowHasher()
    with mock.patch.object(passwords, "_HASHER", slow):
        yield slow


def test_a_password_is_known_by_its_hash_and_nobodys_by_none() -> None:
    stored = passwords.hashed("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert stored != passwords.hashed("correct horse battery")
    assert passwords.matches("correct horse battery", stored)
    assert not passwords.matches("another horse", stored)
    assert not passwords.matches("correct horse battery", None)
    assert not passwords.matches("correct horse battery", "x")


def test_one_is_hashed_at_a_time_also_when_requests_give_up(hasher: SlowHasher) -> None:
    impatient = [eventlet.spawn(_hash_within, A_HASH / 5, f"impatient {number}") for number in range(3)]
    patient = [eventlet.spawn(passwords.hashed, f"patient {number}") for number in range(3)]
    assert [each.wait() for each in impatient] == [None] * 3
    assert [each.wait() for each in patient] == [f"hash of patient {number}" for number in range(3)]
    assert hasher.most_at_once == 1
    assert hasher.finished[-3:] == ["patient 0", "patient 1", "patient 2"]


def test_more_than_can_wait_are_refused_and_the_others_are_answered(hasher: SlowHasher) -> None:
    waiting = [eventlet.spawn(passwords.hashed, str(number)) for number in range(31)]
    eventlet.sleep(0)
    with pytest.raises(TooManyRequests):
        passwords.hashed("one more")
    assert [each.wait() for each in waiting] == [f"hash of {number}" for number in range(31)]
    assert passwords.hashed("later") == "hash of later"


def _hash_within(seconds: float, password: str) -> str | None:
    with eventlet.Timeout(seconds, False):
        return passwords.hashed(password)
    return None
