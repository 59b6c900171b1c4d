"""What is traced of what is asked for, and where the trace goes on from."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from common.observability import traces
from common.orders import front, moves
from common.orders.moves import Actor
from order_service.orders import placing, sweeping
from order_service.orders.placing import NewOrder
from tests.integration.conftest import Transaction
from tests.integration.test_group_commit import Crowd, held_up
from tests.support import forms, people
from tests.support.events import listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.trace_receiver import Receiver, receiving
from tests.support.tracing import recording

TRACE, THEIRS = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAFF = Actor("Maria", "employee")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


# --- how much of a storm is traced -------------------------------------------------------------------


def test_of_a_storm_so_many_a_second_are_traced_whatever_clients_say(
    expedite: Expedite, receiver: Receiver
) -> None:
    desk = expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, TRACES_PER_SECOND=4)
    client = http.client.HTTPConnection(desk.address, timeout=15)
    traced = asked = 0
    began = time.monotonic()
    while asked < 40 or time.monotonic() < began + 1.5:
        headers = {"Content-Type": "application/json", "traceparent": f"00-{TRACE}-{THEIRS}-01"}
        client.request("POST", "/orders", json.dumps(an_order()), headers)
        answer = client.getresponse()
        answer.read()
        assert answer.status == 201
        traced += answer.getheader("traceparent") is not None
        asked += 1
    client.close()
    assert desk.stop() == 0
    begun = sorted(span.start for span in receiver.called("POST /orders"))
    assert len(begun) == traced < asked
    assert all(fifth - first > 990e6 for first, fifth in zip(begun, begun[4:], strict=False))
    # Of the others nothing is carried, or done for a trace.
    assert expedite.query("select count(*), count(traceparent) from orders") == [(asked, traced)]
    assert len(receiver.called("place order")) == traced
    assert len(receiver.called("place orders")) <= traced


def test_probes_and_files_are_not_traced_nor_what_goes_nowhere(expedite: Expedite, receiver: Receiver) -> None:
    desk = expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    for path in ("/health", "/health/live", "/metrics", "/static/order/base.css", "/nothing"):
        answer = requests.get(desk.url + path, headers={"traceparent": f"00-{TRACE}-{THEIRS}-01"}, timeout=15)
        assert "traceparent" not in answer.headers, path
    assert requests.get(f"{desk.url}/orders/ORD_20200101_001", timeout=15).status_code == 404
    assert desk.stop() == 0
    assert {span.name for span in receiver.spans if span.kind == "SERVER"} == {"GET /orders/<order_number>"}


# --- where a trace goes on from ----------------------------------------------------------------------


def test_orders_that_are_placed_together_are_linked_to_from_one_batch(
    expedite: Expedite, receiver: Receiver
) -> None:
    crowd = Crowd(expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url))
    with held_up(expedite, crowd):
        for _ in range(5):
            crowd.order()
        crowd.wait_until_all_are_read()
    assert [status for status, _ in crowd.answers()] == [201] * 6
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)])
    expedite.stop_together(30)
    first, together = sorted(receiver.called("place orders"), key=lambda span: len(span.links))
    orders = {(span.trace_id, span.id) for span in receiver.called("place order")}
    assert len(orders) == len({trace_id for trace_id, _ in orders}) == 6
    assert together.attributes["db.operation.batch.size"] == len(together.links) == 5
    assert {*first.links, *together.links} == orders
    assert (together.trace_id, together.parent_id) == together.links[0]
    published = [link for span in receiver.called("publish outbox") for link in span.links]
    assert sorted(published) == sorted(orders)


def test_a_call_is_a_trace_as_a_request_is(expedite: Expedite, receiver: Receiver) -> None:
    desk = expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    eventually(lambda: desk.actions("rabbitmq_connected"))  # so its queue is there
    with expedite.rpc() as rpc:
        placed = rpc.order_service.place_order(an_order())
    assert desk.stop() == 0
    [call] = [span for span in receiver.spans if span.kind == "SERVER"]
    [order] = receiver.called("place order")
    assert call.name == call.attributes["rpc.method"] == "order_service/place_order"
    assert order.trace_id == call.trace_id
    assert order.attributes["expedite.order_number"] == placed["order_number"]


def test_a_ticket_that_becomes_a_dead_letter_keeps_its_trace(expedite: Expedite, receiver: Receiver) -> None:
    expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    expedite.place()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    expedite.query("delete from orders")
    worker = expedite.start_worker(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    eventually(lambda: expedite.waiting("dead_letters") == 1)
    assert worker.stop() == 0
    [processed] = receiver.called("process order_placed")
    assert processed.attributes["expedite.outcome"] == "dead_lettered"
    with expedite.channel() as channel:
        letter = channel.basic_get("dead_letters", no_ack=True)
    assert letter.headers["traceparent"][3:52] == f"{processed.trace_id}-{processed.parent_id}"
    [failed] = eventually(lambda: worker.actions("message_processing_failed"))
    assert failed["trace_id"] == processed.trace_id


@pytest.mark.matrix
def test_a_board_is_told_in_the_trace_of_what_it_is_told(expedite: Expedite, receiver: Receiver) -> None:
    expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **people.NO_LIMITS)
    worker = expedite.start_worker(COOKING="staffed", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    anna = people.register(expedite, "anna", "employee")
    with listening(f"{worker.url}/board/stream", **anna.headers) as board:
        board.wait(lambda: board.of("reset"))
        number = expedite.place_number()
        board.wait(lambda: any(number in event.data.get("cards", ()) for event in board.of("change")))
    expedite.stop_together(30)
    [order] = receiver.called("place order")
    told = receiver.called("tell screens")
    assert told
    assert {span.attributes["expedite.topic"] for span in told} == {"board"}
    assert {link for span in told for link in span.links} == {(order.trace_id, order.id)}


def stored(expedite: Expedite) -> tuple[Any, list[Any]]:
    """The traceparents of the only order, and of what waits in the outbox, oldest first."""
    [(order,)] = expedite.query("select traceparent from orders")
    return order, [row[0] for row in expedite.query("select traceparent from outbox order by id")]


def placed(transaction: Transaction) -> str:
    form = forms.read(an_order())
    with transaction() as session:
        [order] = placing.place(session, [NewOrder.of(form, "customer")])
    return order.number


def test_an_order_and_its_messages_carry_the_step_that_wrote_them(
    expedite: Expedite, transaction: Transaction
) -> None:
    with recording() as recorded:
        with traces.serve("POST /orders", None, {}):
            first = traces.traceparent()
            number = placed(transaction)
        with traces.serve("POST /orders/<order_number>/start", None, {}), transaction() as session:
            moves.move(session, "order_service", number, "cooking", STAFF)
    [moved] = [span for span in recorded.spans if span.name == "move to cooking"]
    order, sent = stored(expedite)
    assert sent == [first, order]
    assert traces.trace_id_of(order) == f"{moved.context.trace_id:032x}"
    assert order[36:52] == f"{moved.context.span_id:016x}"
    with transaction() as session:
        moves.move(session, "order_service", number, "ready", STAFF)  # not traced
    order, sent = stored(expedite)
    assert (order, sent[2]) == (None, None)


def test_a_ticket_that_is_sent_again_goes_on_with_its_orders_trace(
    expedite: Expedite, transaction: Transaction
) -> None:
    with recording(), traces.serve("POST /orders", None, {}):
        first = traces.traceparent()
        placed(transaction)
    expedite.query("update orders set placed_at = now() - interval '1 day', updated_at = now() - interval '1 day'")
    with transaction() as session:
        assert len(sweeping.send_missing_again(session, ["takeout"], [], grace=60)) == 1
    assert stored(expedite) == (first, [first, first])


def test_a_ticket_for_the_front_is_of_who_sent_it_there_or_else_of_the_order(
    expedite: Expedite, transaction: Transaction
) -> None:
    with recording(), traces.serve("POST /orders", None, {}):
        first = traces.traceparent()
        number = placed(transaction)
    with transaction() as session:
        front.send(session, number, "Maria")  # not traced
    assert stored(expedite) == (first, [first, first])
    with recording(), traces.serve("POST /board", None, {}), transaction() as session:
        second = traces.traceparent()
        front.send(session, number, "Maria", undo=True)
    assert stored(expedite) == (second, [first, first, second])
