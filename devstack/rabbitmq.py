"""A private RabbitMQ node in a folder."""

import base64
import json
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devstack.processes import DevstackError, end, free_port, how_it_ended, is_free, tail, wait_for_former
from devstack.rabbitmq_releases import released
from devstack.rabbitmq_server import DockerServer, InstalledServer, Membership, Node, find_server

CACHE = Path(__file__).absolute().parent.parent / ".devstack/rabbitmq-server"
START_SECONDS = 60
STOP_SECONDS = 30
PORTS = ("port", "distribution_port", "epmd_port")


class RabbitMQ:
    """A RabbitMQ node of its own, on free ports of 127.0.0.1, with its data in `folder`.

    The data, the account and the ports outlive the object: a new one on the same folder finds them
    again (other ports only if somebody else has taken one meanwhile). The node shuts down when the
    thread that started it ends, however it ends; start it from the main thread.

    `cache` is where RabbitMQ's own files are unpacked when the machine has none; all nodes of the
    checkout share it. `release` is another version than the machine's (`devstack.rabbitmq_releases`),
    and `membership` makes it one of a cluster.
    """

    name = "rabbitmq"

    def __init__(
        self,
        folder: Path,
        cache: Path = CACHE,
        release: str | None = None,
        membership: Membership | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._cache = cache
        self._release = release
        self._membership = membership
        self._log = self.folder / "server.log"
        self._pid_file = self.folder / "pid"
        self._server: InstalledServer | DockerServer | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._node = self._kept_node()

    @property
    def amqp_uri(self) -> str:
        """The address of the virtual host `/`, `amqp://user:password@127.0.0.1:port/`."""
        return self._amqp_uri("")

    @property
    def port(self) -> int:
        """The port that AMQP is spoken on."""
        return self._node.port

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither stopped nor ended."""
        return bool(self._processes) and self.ended() is None

    @property
    def pid(self) -> int:
        """The process id of the node; raises DevstackError when it does not run."""
        if not self._processes:
            raise DevstackError("RabbitMQ is not running")
        return self._processes[0].pid

    def start(self) -> None:
        """Starts the node and returns when it takes connections.

        Raises DevstackError, with the end of the node's log, when that takes more than 60 seconds.
        The first start on a machine without RabbitMQ downloads it, in at most 10 minutes.
        """
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Starts the node, and does not wait until it takes connections, for which one of a cluster may need the
        others. To be followed by `wait()`."""
        self.kill()  # what a node that was killed has left, its name server
        self._server = released(self._release) if self._release else find_server(self._cache)
        wait_for_former(self._pid_file, self.folder)
        for port in (getattr(self._node, name) for name in PORTS):
            if not is_free(port) and not (self._membership and port == self._membership.epmd_port):
                raise DevstackError(f"port {port}, RabbitMQ's in {self.folder}, is in use")
        self._processes = self._server.spawn(self._node, self._log)
        self._pid_file.write_text(str(self.pid))

    def wait(self) -> None:
        """Until it takes connections; raises DevstackError as `start` does."""
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def ended(self) -> str | None:
        """How it ended by itself, in words; None while it runs."""
        return how_it_ended(self._processes[0]) if self._processes else None

    def last_lines(self) -> str:
        """The end of its log."""
        return tail(self._log)

    def stop(self) -> None:
        """Shuts the node down in good order, and all that it started; nothing to do when it does not run."""
        for process in self._processes:
            end(process, signal.SIGTERM, STOP_SECONDS)
        self._processes = []

    def kill(self) -> None:
        """Ends the node with SIGKILL, as a crash would; `start` brings it back."""
        if self._server is not None:
            self._server.kill(self._node, self._processes)
        self._processes = []

    def ctl(self, *arguments: str) -> str:
        """Runs rabbitmqctl with these arguments against the node, and gives what it prints.

        Takes a second or two. Raises DevstackError when it fails.
        """
        if self._server is None:
            raise DevstackError("RabbitMQ is not running")
        done = self._server.ctl(self._node, *arguments)
        if done.returncode:
            raise DevstackError(f"rabbitmqctl {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def add_vhost(self, name: str) -> str:
        """Makes a virtual host, empty and apart from all others, and gives its AMQP address.

        Takes some 20 ms. Raises DevstackError when the node does not run.
        """
        vhost, user = _binary(name), _binary(self._node.user)
        self.evaluate(
            f'rabbit_vhost:add({vhost}, <<"devstack">>), rabbit_auth_backend_internal:set_permissions('
            f'{user}, {vhost}, <<".*">>, <<".*">>, <<".*">>, <<"devstack">>)'
        )
        return self._amqp_uri(quote(name, safe=""))

    def delete_vhost(self, name: str) -> None:
        """Deletes a virtual host with all that is in it; connections to it are closed.

        Raises DevstackError when there is no such virtual host.
        """
        self.evaluate(f'rabbit_vhost:delete({_binary(name)}, <<"devstack">>)')

    def _amqp_uri(self, vhost: str) -> str:
        return f"amqp://{self._node.user}:{self._node.password}@127.0.0.1:{self._node.port}/{vhost}"

    def evaluate(self, expression: str) -> None:
        """Has the node evaluate an Erlang expression, in milliseconds; raises DevstackError when it fails."""
        if self._server is None:
            raise DevstackError("RabbitMQ is not running")
        self._server.evaluate(self._node, expression)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._processes[0].poll() is not None or time.monotonic() > deadline:
                raise DevstackError(f"RabbitMQ did not start:\n{tail(self._log)}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        # A container's port accepts connections long before the node behind it does: wait for its words.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) != b""
        except OSError:
            return False

    def _kept_node(self) -> Node:
        file = self.folder / "node.json"
        kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        kept.setdefault("password", secrets.token_hex(16))
        for name in PORTS:
            if name not in kept or not is_free(kept[name]):
                kept[name] = free_port()
        file.touch(mode=0o600)
        file.write_text(json.dumps(kept))
        if self._membership is not None:
            ours = self._membership
            kept |= {"password": ours.password, "epmd_port": ours.epmd_port}
            kept["distribution_port"] = ours.distribution_port
        return Node(folder=self.folder, user="expedite", membership=self._membership, **kept)


def _binary(text: str) -> str:
    """Gives the Erlang expression for a text, whatever characters are in it."""
    return f'base64:decode(<<"{base64.b64encode(text.encode()).decode()}">>)'
