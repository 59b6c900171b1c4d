"""Counting in memory, when there is more to count than there is room for."""

import pytest
from limits import parse

from order_service import rate_limits
from order_service.rate_limits import _OwnCounts

LIMIT = parse("2 per hour")


def test_the_oldest_are_forgotten_and_not_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_MOST_KEYS", 100)
    counts = _OwnCounts()

    def tried_too_often(who: str) -> bool:
        return counts.wait(LIMIT, (who,)) is not None

    for number in range(300):
        assert not tried_too_often(f"early {number}")
    for _ in range(2):
        assert not tried_too_often("guessed at")
    for number in range(50):
        assert not tried_too_often(f"late {number}")
    assert tried_too_often("guessed at")
    assert len(counts._storage.storage) <= 101
    assert not tried_too_often("early 0")
