"""The line that the notifier prints."""

from typing import Any

import pytest

from common.orders import events
from common.orders.messages import StatusChanged
from notifier_service.console import sentence

CHANGE = events.contract(events.ORDER_STATUS_CHANGED)["examples"][0]


def test_the_sentence_stays_as_it_is() -> None:
    assert sentence(StatusChanged.read(CHANGE)) == (
        "Notification for order ORD_20261122_001: Status changed from 'received' to 'cooking' by chef_mario."
    )


@pytest.mark.parametrize("name", ["Zoë O’Brien", "王", "chef mario"])
def test_a_name_is_shown_as_it_is(name: str) -> None:
    assert sentence(StatusChanged.read({**CHANGE, "changed_by": name})).endswith(f" by {name}.")


@pytest.mark.parametrize("name", ["a\nNotification for", "a\x1b[2J", "a\r", "a\u202e", "a\u2028b", "a\ud800"])
def test_a_name_cannot_move_the_cursor_or_forge_a_line(name: str) -> None:
    line: Any = sentence(StatusChanged.read({**CHANGE, "changed_by": name}))
    assert line.isprintable()
    assert "?" in line
