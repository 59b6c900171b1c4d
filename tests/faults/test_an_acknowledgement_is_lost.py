"""The connection to RabbitMQ is lost just when messages are acknowledged: they come again, and nobody ends."""

from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.proxy import Proxy, through

BASIC_ACK = b"\x00\x3c\x00\x50"  # class 60, method 80 of AMQP 0-9-1


def test_a_notifier_that_cannot_acknowledge_goes_on_and_prints_everything_once(
    expedite: Expedite, to_rabbitmq: Proxy
) -> None:
    expedite.start("order_service")
    notifier = expedite.start("notifier_service", AMQP_URI=through(to_rabbitmq, expedite.amqp_uri))
    numbers = [expedite.place_number() for _ in range(30)]
    to_rabbitmq.lose_the_answer(BASIC_ACK)
    worker = expedite.start_worker("anna", PREFETCH=30)

    # At the latest by missed heartbeats, after 40 s.
    eventually(lambda: notifier.actions("rabbitmq_connection_failed"), 60)
    eventually(lambda: len(notifier.printed()) >= 2 * len(numbers), 30)
    eventually(expedite.is_settled)
    assert len(set(notifier.printed())) == len(notifier.printed()) == 2 * len(numbers)
    assert notifier.popen.poll() is None
    assert worker.popen.poll() is None
