"""A cluster of three RabbitMQ nodes on this machine, with a network between them that can break."""

import contextlib
import itertools
import secrets
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from devstack.processes import DevstackError, free_port
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_server import Membership
from tests.support.eventually import eventually
from tests.support.names import Names
from tests.support.proxy import Proxy

NODES = ("anna", "bruno", "carla")


class Cluster:
    """Starts three nodes. Each reaches each other one by a proxy of its own. End it with `close()`."""

    def __init__(self, folder: Path, release: str) -> None:
        ports = {name: free_port() for name in NODES}
        self._ways = {(one, other): Proxy(ports[other]) for one, other in itertools.permutations(NODES, 2)}
        secret, password = secrets.token_hex(16), secrets.token_hex(16)
        self._names, self.nodes = {}, {}
        for name in NODES:
            others = {other: self._ways[name, other].port for other in NODES if other != name}
            names = self._names[name] = Names(others)
            membership = Membership(
                name=f"{name}@localhost",
                names=tuple(f"{each}@localhost" for each in NODES),
                secret=secret,
                epmd_port=names.port,
                distribution_port=ports[name],
                password=password,
            )
            self.nodes[name] = RabbitMQ(folder / name, release=release, membership=membership)
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    def _start_all(self) -> None:
        # They wait for each other, and each is waited for here. The threads that start them must outlive them.
        for node in self.nodes.values():
            node.launch()
        for node in self.nodes.values():
            node.wait()
        eventually(self.is_whole, 60)

    def amqp_uri(self, vhost: str) -> str:
        """All addresses, for AMQP_URI."""
        return ";".join(f"{node.amqp_uri}{quote(vhost, safe='')}" for node in self.nodes.values())

    def leader_of(self, vhost: str, queue: str, asked: str | None = None) -> str:
        """The node that leads a quorum queue, as the node `asked` knows."""
        # To rabbitmqctl's own list_queues all nodes answer, which do not know where it listens.
        found = f'rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{queue}">>))'
        node = self._one() if asked is None else self.nodes[asked]
        told = node.ctl("eval", f"{{ok, Q}} = {found}, element(2, amqqueue:get_pid(Q)).")
        return told.strip().partition("@")[0]

    def kept_in(self, vhost: str, queue: str) -> int:
        """How many expired messages a quorum queue keeps, since their next queue has not taken them."""
        found = f'rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{queue}">>))'
        told = self._one().ctl("eval", f"{{ok, Q}} = {found}, rabbit_quorum_queue:info(Q, [messages_dlx]).")
        return int(told.strip("[{}]\n").rpartition(",")[2])

    def add_vhost(self, name: str) -> None:
        self._one().add_vhost(name)

    @contextlib.contextmanager
    def cut_off(self, name: str) -> Iterator[None]:
        """Nothing passes between this node and the others, for the length of a block; and no connection ends by
        that, as where a cable is pulled."""
        ways = [way for pair, way in self._ways.items() if name in pair]
        for way in ways:
            way.silence()
        try:
            yield
        finally:
            for way in ways:
                way.heal()

    def is_whole(self) -> bool:
        """Whether each node sees all."""
        return all(self._sees_all(name) for name in NODES)

    def close(self) -> None:
        stopping = [threading.Thread(target=node.kill) for node in self.nodes.values()]
        for each in stopping:
            each.start()
        for each in stopping:
            each.join(30)
        for closing in (*self._ways.values(), *self._names.values()):
            closing.close()

    def _one(self) -> RabbitMQ:
        return next(node for node in self.nodes.values() if node.is_running)

    def _sees_all(self, name: str) -> bool:
        try:
            self.nodes[name].evaluate(f"true = length(nodes()) =:= {len(NODES) - 1}")
        except (DevstackError, subprocess.TimeoutExpired):
            return False
        return True
