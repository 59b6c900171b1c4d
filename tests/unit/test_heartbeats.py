"""A worker's heartbeats as marks."""

from datetime import UTC, datetime, timedelta

import pytest

from tracking_service.heartbeats import marks

NOW = datetime(2026, 11, 22, 20, 43, tzinfo=UTC)
INTERVAL = 30.0


def line(*ages: float) -> str:
    """The marks of heartbeats so many seconds ago."""
    beats = [NOW - timedelta(seconds=age) for age in ages]
    return "".join("|" if beat else "." for beat in marks(beats, INTERVAL, NOW, 12))


@pytest.mark.parametrize("phase", [0, 0.01, 1, 14, 29.99])
def test_a_worker_that_beats_has_missed_none_whenever_one_looks(phase: float) -> None:
    # Each comes a little later than an interval after the one before.
    assert line(*(phase + n * 30.02 for n in range(12))) == "|" * 12


def test_one_that_has_just_begun_has_missed_none() -> None:
    assert line(3) == "|"
    assert line(3, 33, 63) == "|||"
    assert marks([], INTERVAL, NOW, 12) == []


def test_a_gap_is_seen() -> None:
    assert line(10, 40, 130, 160) == "||..||"
    assert line(10, 101) == "|..|"


def test_a_late_one_is_not_missed_until_it_is_half_an_interval_late() -> None:
    assert line(10, 54) == "||"
    assert line(10, 56) == "|.|"
    assert line(44) == "|"
    assert line(46) == "|."


def test_one_that_is_gone_misses_more_and_more() -> None:
    assert line(240, 270, 300, 330) == "||||" + "." * 7
    assert line(256, 286, 316, 346) == "||||" + "." * 8
    assert line(*range(256, 616, 30)) == "||||" + "." * 8
    assert line(86_400 * 365) == "." * 12


def test_one_that_was_started_again_shows_when_it_was_away() -> None:
    assert line(5, 35, 200, 230) == "||.....||"


def test_one_that_was_started_again_at_once_has_no_mark_more() -> None:
    assert line(5, 35, 38, 41, 68) == "|||"


def test_a_heartbeat_by_a_clock_that_was_set_back_since_is_one() -> None:
    assert line(-20, 5, 35) == "|||"
