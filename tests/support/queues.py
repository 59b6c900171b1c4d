"""Queues that are full."""

import contextlib
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from devstack.rabbitmq import RabbitMQ
from tests.support.expedite import Expedite


@contextlib.contextmanager
def full(rabbitmq: RabbitMQ, expedite: Expedite, at: int) -> Iterator[None]:
    """The queue for takeout takes no more than `at` tickets, for the length of a block."""
    vhost = urlsplit(expedite.amqp_uri).path[1:]
    limit = json.dumps({"max-length": at})
    rabbitmq.ctl("set_policy", "-p", vhost, "full", r"^kitchen\.takeout$", limit, "--apply-to", "queues")
    try:
        yield
    finally:
        rabbitmq.ctl("clear_policy", "-p", vhost, "full")
