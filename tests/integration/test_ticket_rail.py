"""The rail of waiting tickets, on a broker."""

import amqp
import pytest

from common import codec
from common.orders import topology
from common.rabbitmq import broker
from common.settings import CLASSIC
from kitchen_service.ticket_rail import TicketRail
from tests.support.eventually import eventually
from tests.support.expedite import Expedite

PAUSE = 3600.0  # seconds
KINDS = ("dine_in", "takeout", "delivery")


def put_tickets(expedite: Expedite, kind: str, *tickets: tuple[int, int]) -> None:
    """Each with its priority, and when it was placed."""
    with expedite.channel() as channel:
        topology.declare(channel, CLASSIC)
        for priority, placed_at in tickets:
            body = codec.dumps({"order_number": f"{kind} {placed_at}", "placed_at": f"2026-11-22T{placed_at:02}"})
            channel.basic_publish(amqp.Message(body, priority=priority), "", topology.kitchen_queue(kind))
    eventually(lambda: expedite.waiting(topology.kitchen_queue(kind)) == len(tickets))


def test_for_many_hands_the_most_urgent_of_all_queues_come_in_their_order(expedite: Expedite) -> None:
    put_tickets(expedite, "dine_in", (1, 1), (5, 4), (5, 6))
    put_tickets(expedite, "takeout", (10, 7), (5, 5), (1, 2))
    put_tickets(expedite, "delivery", (1, 3))
    with broker.connected(expedite.amqp_uri, heartbeat=10) as connection:
        rail = TicketRail(connection, CLASSIC, KINDS, [PAUSE])
        taken = [ticket.order_number for ticket in rail.next(5, lambda: True)]
        assert taken == ["takeout 7", "dine_in 4", "takeout 5", "dine_in 6", "dine_in 1"]
        left = [ticket.order_number for ticket in rail.next(5, lambda: True)]
        assert left == ["takeout 2", "delivery 3"]


def test_what_it_does_not_take_is_there_for_others(expedite: Expedite) -> None:
    for kind in KINDS:
        put_tickets(expedite, kind, (1, 1), (1, 2))
    with broker.connected(expedite.amqp_uri, heartbeat=10) as connection:
        list(TicketRail(connection, CLASSIC, KINDS, [PAUSE]).next(2, lambda: True))
        eventually(lambda: sum(expedite.waiting(topology.kitchen_queue(kind)) for kind in KINDS) == 4)


def test_a_ticket_stays_as_long_as_its_copy_was_not_taken(
    expedite: Expedite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "_MAX_WAITING", 1)  # and the broker refuses the others
    put_tickets(expedite, "takeout", (1, 1), (1, 2), (1, 3))
    with broker.connected(expedite.amqp_uri, heartbeat=10) as connection:
        rail = TicketRail(connection, CLASSIC, KINDS, [PAUSE])
        for ticket in rail.next(3, lambda: True):
            rail.retry_later(ticket, PAUSE, 1, "the oven is cold")
        assert expedite.waiting("retry.3600s") == 0
        with pytest.raises(OSError, match="all copies"):
            rail.send_copies()
    assert expedite.waiting("retry.3600s") == 1
    assert [body["order_number"] for body in expedite.tickets("takeout")] == ["takeout 2", "takeout 3"]
