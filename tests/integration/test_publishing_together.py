"""Messages that are published together are confirmed each for itself."""

import amqp
import pytest

from common.rabbitmq import broker
from tests.support.expedite import Expedite


def test_each_is_taken_or_not(expedite: Expedite) -> None:
    with broker.connected(expedite.amqp_uri, heartbeat=10) as connection:
        channel = connection.channel()
        channel.queue_declare("wide", auto_delete=False)
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        channel.queue_declare("narrow", auto_delete=False, arguments=full)
        queues = ["wide", "narrow", "narrow", "wide", *["wide"] * 500]
        taken = broker.publish_together(connection, [(amqp.Message("{}"), "", queue) for queue in queues])
        assert taken == [True, True, False, True, *[True] * 500]
        assert channel.queue_declare("wide", passive=True).message_count == 502
        assert channel.queue_declare("narrow", passive=True).message_count == 1


def test_one_that_goes_to_no_queue_is_no_message_that_was_taken(expedite: Expedite) -> None:
    with broker.connected(expedite.amqp_uri, heartbeat=10) as connection:
        connection.channel().queue_declare("wide", auto_delete=False)
        messages = [(amqp.Message("{}"), "", queue) for queue in ("wide", "nowhere", "wide")]
        with pytest.raises(OSError, match="no queue"):
            broker.publish_together(connection, messages)
