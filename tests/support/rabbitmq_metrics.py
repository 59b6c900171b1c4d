"""RabbitMQ's own figures, by its plugin rabbitmq_prometheus, which the deployment switches on."""

from collections.abc import Iterator
from contextlib import contextmanager

from devstack.processes import free_port
from devstack.rabbitmq import RabbitMQ


@contextmanager
def rabbitmq_url(node: RabbitMQ) -> Iterator[str]:
    """Where a node says its figures, for the length of a block."""
    port = free_port()
    node.evaluate(
        f"application:set_env(rabbitmq_prometheus, tcp_config, [{{ip, {{127,0,0,1}}}}, {{port, {port}}}]),"
        " {ok, _} = application:ensure_all_started(rabbitmq_prometheus)"
    )
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        node.evaluate("application:stop(rabbitmq_prometheus)")
