"""An event that concerns nobody here costs no worker."""

from typing import Any
from unittest.mock import Mock

import pytest
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider

from common.nameko_runtime.messaging import BROADCAST, EventHandler, QueueConsumer, event_handler
from common.settings import CLASSIC
from kitchen_service.kitchen import Kitchen


class Pot(DependencyProvider):
    def wants(self, event: Any) -> bool:
        return bool(event == "mine")


class Cook:
    name = "cook"
    pot = Pot()

    @event_handler("shop", "moved", handler_type=BROADCAST, prefilter="pot")
    def hear(self, event: Any) -> None: ...

    @event_handler("shop", "closed")
    def stop(self, event: Any) -> None: ...


@pytest.fixture
def container() -> ServiceContainer:
    """Which is never started."""
    container = ServiceContainer(Cook, {"AMQP_URI": "memory://", "QUEUE_TYPE": "classic"})
    container.spawn_worker = Mock()
    container.settings = Mock(queue_type=CLASSIC)
    return container


def handler_of(container: ServiceContainer, method_name: str) -> EventHandler:
    [handler] = [each for each in container.entrypoints if each.method_name == method_name]
    handler.queue_consumer = Mock()
    handler.setup()
    assert isinstance(handler, EventHandler)
    return handler


def message() -> Mock:
    return Mock(headers={})


@pytest.mark.parametrize(("method_name", "event"), [("hear", "mine"), ("stop", "anything")])
def test_a_worker_is_spawned_for_what_concerns_the_service(
    container: ServiceContainer, method_name: str, event: str
) -> None:
    handler = handler_of(container, method_name)
    handler.handle_message(event, message())
    assert container.spawn_worker.call_args.args[1] == (event,)
    handler.queue_consumer.ack_message.assert_not_called()


def test_what_does_not_is_acknowledged_and_that_is_all(container: ServiceContainer) -> None:
    handler, arrived = handler_of(container, "hear"), message()
    handler.handle_message("another's", arrived)
    container.spawn_worker.assert_not_called()
    handler.queue_consumer.ack_message.assert_called_once_with(arrived)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"order_number": "ORD_20261122_001"}, True),
        ({"order_number": "ORD_20261122_002"}, False),
        ({"order_number": ["ORD_20261122_002"]}, True),
        ({}, True),
        ("no object", True),
    ],
)
def test_a_kitchen_wants_what_it_cooks_and_broken_events(change: Any, wanted: bool) -> None:
    kitchen = Kitchen()
    kitchen._stove = Mock(has=lambda number: number == "ORD_20261122_001")
    assert kitchen.wants(change) is wanted


def test_an_acknowledgement_on_a_lost_connection_ends_nothing() -> None:
    lost = Mock(acknowledged=False, ack=Mock(side_effect=ConnectionResetError))
    QueueConsumer().ack_message(lost)
    lost.ack.assert_called_once_with()
