"""A message in frames is what amqp's own library reads out of them."""

import struct
from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from amqp.basic_message import Message

from common.rabbitmq import frames

CHANNEL: Any = SimpleNamespace(channel_id=3, connection=SimpleNamespace(frame_max=4096))


def published(**changes: Any) -> bytes:
    message = {
        "exchange": "order_service.events",
        "routing_key": "order_placed.takeout",
        "mandatory": True,
        "body": '{"customer_name": "Zoë 王"}',
        "headers": {"nameko.request_id": "till-7", "outbox_id": 2**40},
        "priority": 10,
        "message_id": "an-id",
        **changes,
    }
    return frames.publish(CHANNEL, **message)


def taken_apart(data: bytes) -> list[tuple[int, int, bytes]]:
    """(type, channel, payload) of each frame."""
    found = []
    while data:
        kind, channel, size = struct.unpack_from(">BHI", data)
        assert data[7 + size] == 0xCE
        assert size + 8 <= CHANNEL.connection.frame_max
        found.append((kind, channel, data[7 : 7 + size]))
        data = data[8 + size :]
    return found


@pytest.mark.parametrize("body", ["{}", '{"customer_name": "Zoë 王"}', "x" * 4088, "x" * 4089, "y" * 20_000])
def test_a_message_can_be_read_again(body: str) -> None:
    method, header, *bodies = taken_apart(published(body=body))
    assert method[:2] == (1, 3)
    assert struct.unpack_from(">HHH", method[2]) == (60, 40, 0)
    arguments, _ = amqp.serialization.loads("ssbb", method[2], 6)
    assert arguments[:3] == ["order_service.events", "order_placed.takeout", True]

    assert header[:2] == (2, 3)
    message = Message()
    message.inbound_header(header[2])
    assert message.body_size == len(body.encode())
    assert message.properties == {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "application_headers": {"nameko.request_id": "till-7", "outbox_id": 2**40},
        "delivery_mode": 2,
        "priority": 10,
        "message_id": "an-id",
    }
    assert {frame[:2] for frame in bodies} == {(3, 3)}
    assert b"".join(frame[2] for frame in bodies).decode() == body


@pytest.mark.parametrize("changes", [{"routing_key": "x" * 256}, {"exchange": "é" * 200}, {"priority": 256}])
def test_what_cannot_be_put_into_frames_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, struct.error)):
        published(**changes)
