"""A broker that delivers twice: every message that the services publish is published once more, as it was."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import amqp
from kombu.utils.url import parse_url

_EXCHANGES = ("order_service.events", "kitchen_service.events")
_MARK = "copy"  # the header of a copy, which is not copied again


class Copier:
    """Counts in `copied` what it has published."""

    def __init__(self, amqp_uri: str) -> None:
        self.copied = 0
        self._over = threading.Event()
        at = parse_url(amqp_uri)
        self._connection = amqp.Connection(
            f"{at['hostname']}:{at['port']}",
            at["userid"],
            at["password"],
            virtual_host=at["virtual_host"],
            connect_timeout=5,
        )
        self._connection.connect()
        self._channel = self._connection.channel()
        queue = self._channel.queue_declare("", exclusive=True).queue
        for exchange in _EXCHANGES:
            self._channel.queue_bind(queue, exchange, "#")
        self._channel.basic_consume(queue, callback=self._copy, no_ack=True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._connection.close()

    def _run(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=0.2)

    def _copy(self, message: Any) -> None:
        headers = message.properties.get("application_headers") or {}
        if _MARK in headers:
            return
        copy = amqp.Message(
            message.body, **{**message.properties, "application_headers": {**headers, _MARK: True}}
        )
        info = message.delivery_info
        self._channel.basic_publish(copy, info["exchange"], info["routing_key"])
        self.copied += 1


@contextlib.contextmanager
def everything_twice(amqp_uri: str) -> Iterator[Copier]:
    """Copies for the length of a block."""
    copier = Copier(amqp_uri)
    try:
        yield copier
    finally:
        copier.close()
