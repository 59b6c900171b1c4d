"""COOKING=staffed: a worker puts tickets on the board, and people move the orders on."""

import pytest

from common.errors import IllegalMove, Invalid, NotFound
from tests.support.eventually import eventually
from tests.support.expedite import Expedite


def test_people_move_an_order_through_all_of_its_life(expedite: Expedite) -> None:
    expedite.start("order_service")
    expedite.start_worker("board", COOKING="staffed")
    eaten_here = expedite.place_number(order_type="dine_in", table_number=4)
    delivered = expedite.place_number(order_type="delivery", delivery_address="12 Baker Street")
    eventually(
        lambda: expedite.query("select accepted_by, status from orders") == [("board", "received")] * 2,
    )
    eventually(expedite.is_settled)

    with expedite.rpc() as rpc:

        def move(number: str, status: str) -> None:
            assert rpc.kitchen_service.move_order(number, status, "anna")["status"] == status

        def refused(number: str, status: str, allowed: list[str]) -> None:
            current = expedite.status(number)
            with pytest.raises(IllegalMove) as refusal:
                rpc.kitchen_service.move_order(number, status, "anna")
            assert refusal.value.extra == {"current_status": current, "allowed": allowed}
            assert expedite.status(number) == current

        refused(eaten_here, "ready", ["cooking", "cancelled", "failed"])
        for status in ("cooking", "ready", "cooking", "ready"):
            move(eaten_here, status)
        refused(eaten_here, "out_for_delivery", ["cooking", "completed"])
        move(eaten_here, "completed")
        refused(eaten_here, "cooking", [])

        for status in ("cooking", "ready"):
            move(delivered, status)
        refused(delivered, "completed", ["cooking", "out_for_delivery"])
        for status in ("out_for_delivery", "completed"):
            move(delivered, status)
        refused(delivered, "cancelled", [])

    assert expedite.history(eaten_here) == ["received", "cooking", "ready", "cooking", "ready", "completed"]
    assert expedite.history(delivered) == ["received", "cooking", "ready", "out_for_delivery", "completed"]
    assert expedite.query("select distinct changed_by from order_status_log where status <> 'received'") == [
        ("anna",)
    ]


def test_an_accepted_ticket_is_acknowledged_so_the_board_can_hold_more_than_its_prefetch(
    expedite: Expedite,
) -> None:
    expedite.start("order_service")
    worker = expedite.start_worker("board", COOKING="staffed", PREFETCH=1)
    for _ in range(3):
        expedite.place()
    eventually(lambda: len(worker.actions("order_accepted")) == 3)
    eventually(lambda: expedite.query("select count(*) from orders where accepted_by = 'board'") == [(3,)])

    assert worker.stop() == 0
    eventually(expedite.is_settled)  # an outbox row goes after its message, which may be accepted before that
    assert expedite.query("select distinct status from orders") == [("received",)]


def test_people_clear_what_was_cancelled_and_nothing_else(expedite: Expedite) -> None:
    expedite.start("order_service")
    expedite.start_worker("board", COOKING="staffed")
    number = expedite.place_number()
    eventually(lambda: expedite.query("select accepted_by from orders") == [("board",)])
    with expedite.rpc() as rpc:
        kitchen = rpc.kitchen_service
        with pytest.raises(IllegalMove):
            kitchen.clear_order(number)
        kitchen.move_order(number, "cancelled", "anna", "guest left")
        assert expedite.query("select cleared_at from orders") == [(None,)]
        for _ in range(2):
            assert kitchen.clear_order(number) is None
        assert expedite.query("select cleared_at is not null from orders") == [(True,)]
        for nothing in ("ORD_20200101_001", "145", None, 7):
            with pytest.raises(NotFound):
                kitchen.clear_order(nothing)
            with pytest.raises(NotFound):
                kitchen.front_order(nothing, "anna")
        with pytest.raises(IllegalMove):
            kitchen.front_order(number, "anna")
        for by, undo in (("", False), ("anna\n", False), ("x" * 101, False), (None, False), ("anna", "yes")):
            with pytest.raises(Invalid):
                kitchen.front_order(number, by, undo)
