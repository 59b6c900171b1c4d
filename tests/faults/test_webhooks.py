"""Webhooks: one delivery of each event to each, whatever dies, however often the event comes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.hooks import deliveries, event, make, start_notifier, tell
from tests.support.receiver import OK, Receiver


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    running = [Receiver(), Receiver()]
    yield running
    for each in running:
        each.stop()


@pytest.mark.one_of_its_kind
def test_two_processes_one_of_them_killed_and_each_event_twice(
    expedite: Expedite, receivers: list[Receiver]
) -> None:
    killed = start_notifier(expedite)
    made = [make(expedite, each.url) for each in receivers]
    other = start_notifier(expedite)
    in_hand: list[Any] = []

    def hang(connection: Any) -> None:
        in_hand.append(connection)
        connection.recv(1)

    slow, fast = receivers
    slow.answers = [hang]
    told = [event(order_number=f"ORD_20261122_{order:03}") for order in range(1, 11)]
    for each in told * 2:
        tell(expedite, each)
    ids = sorted(each["event_id"] for each in told)
    eventually(lambda: in_hand)
    eventually(lambda: [status for status, _, _ in deliveries(expedite, made[1])] == ["sent"] * 10)
    # Whoever has it in hand dies in the middle.
    [(lease,)] = expedite.query("select count(*) from notification_deliveries where leased_until is not null")
    assert lease == 1
    killed.kill()
    slow.answers = [OK]
    start_notifier(expedite)
    for each in told:
        tell(expedite, each)
    other.kill()
    expedite.query(
        "update notification_deliveries set leased_until = now(), next_attempt_at = now()"
        " where leased_until is not null"
    )
    eventually(lambda: sorted(set(slow.ids())) == ids)
    for each in made:
        eventually(lambda each=each: [status for status, _, _ in deliveries(expedite, each)] == ["sent"] * 10)
    # What was in hand came again, under the id that it had; nothing else did.
    assert len(slow.posts) == 11
    assert sorted(fast.ids()) == ids
