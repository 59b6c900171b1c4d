"""A RabbitMQ node of one's own: starts, stops, crashes, comes back."""

from pathlib import Path

import amqp
import pytest
from kombu import Connection

from devstack.processes import DevstackError
from devstack.rabbitmq import RabbitMQ
from tests.support.processes import processes_of


def put(uri: str, body: str) -> None:
    confirmed = {"confirm_publish": True}
    with (
        Connection(uri, transport_options=confirmed) as connection,
        connection.SimpleQueue("tickets") as queue,
    ):
        queue.put(body, serializer="json")


def take(uri: str) -> object:
    with Connection(uri) as connection, connection.SimpleQueue("tickets") as queue:
        message = queue.get(timeout=5)
        message.ack()
        return message.payload


@pytest.mark.matrix
def test_its_messages_outlive_a_stop_a_crash_and_the_object(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces, and with a name that is long enough to be a nuisance" / ("x" * 60)
    node = RabbitMQ(folder)
    node.start()
    try:
        uri = node.amqp_uri
        put(uri, "one")
        node.kill()
        assert processes_of(folder) == []
        node.start()
        assert node.amqp_uri == uri
        assert take(uri) == "one"
        put(uri, "two")
    finally:
        node.stop()
    assert processes_of(folder) == []

    again = RabbitMQ(folder)
    again.start()
    try:
        assert again.amqp_uri == uri
        assert take(uri) == "two"
    finally:
        again.stop()
    assert processes_of(folder) == []


def test_a_vhost_is_apart_from_the_others_until_it_is_deleted(rabbitmq: RabbitMQ) -> None:
    one, two = rabbitmq.add_vhost("tables/1 é"), rabbitmq.add_vhost("tables/2")
    put(one, "for one")
    put(two, "for two")
    assert take(two) == "for two"
    assert take(one) == "for one"

    for name in ("tables/1 é", "tables/2"):
        assert name in rabbitmq.ctl("list_vhosts").splitlines()
        rabbitmq.delete_vhost(name)
    with pytest.raises(amqp.exceptions.NotAllowed):
        put(two, "to nobody")
    with pytest.raises(DevstackError):
        rabbitmq.delete_vhost("tables/2")


@pytest.mark.matrix
def test_two_run_side_by_side_and_only_who_has_the_password_gets_in(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    other = RabbitMQ(tmp_path)
    other.start()
    try:
        assert other.port != rabbitmq.port
        put(other.amqp_uri, "here")
        with pytest.raises(amqp.exceptions.AccessRefused):
            put(f"amqp://guest:guest@127.0.0.1:{other.port}/", "not here")
    finally:
        other.stop()


def test_what_rabbitmqctl_refuses_is_an_error(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(DevstackError, match="no_such_command"):
        rabbitmq.ctl("no_such_command")
