"""Which ids are snapshots. They come from outside, and PostgreSQL is asked only with those that it takes."""

import pytest

from common.live.snapshots import MAX_LENGTH, is_later, is_snapshot

LONG = "5:999999:" + ",".join(str(each) for each in range(10, 700))


@pytest.mark.parametrize("event_id", ["1:1:", "776:776:", "10:20:10,14,15", "10:20:19", f"{10**18}:{10**18}:"])
def test_a_snapshot_is_one(event_id: str) -> None:
    assert is_snapshot(event_id)


@pytest.mark.parametrize(
    "event_id",
    [
        None,
        "",
        "garbage",
        "10:20",
        "10:20:30",
        "20:10:",
        "10:20:9",
        "10:20:20",
        "10:20:15,14",
        "10:20:15,15",
        "10:20:15,",
        "10:20:,15",
        "0:20:",
        "-1:20:",
        "010:20:",
        "10:20: ",
        " 10:20:",
        "10:20:\n",
        "１:２:",
        "10:20:'; drop table orders; --",
        f"{10**19}:{10**19}:",
        LONG,
    ],
)
def test_anything_else_is_none(event_id: str | None) -> None:
    assert not is_snapshot(event_id)
    assert len(LONG) > MAX_LENGTH


def test_a_snapshot_of_what_has_not_happened_is_another_databases() -> None:
    assert is_later("10:21:", "20:20:")
    assert not is_later("10:20:", "20:20:")
