"""A network that can be cut: a TCP proxy in front of a server."""

import contextlib
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit


class Proxy:
    """Passes bytes between 127.0.0.1:`port` and the server's port, until it is cut or goes silent."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._open: list[socket.socket] = []
        self._passing = threading.Event()
        self._passing.set()
        self._is_cut = False
        self._fatal: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        self._is_cut = True
        self._end_all()

    def lose_the_answer(self, *texts: bytes) -> None:
        """End the first connection whose client sends these texts, one after the other, when the last one is on
        its way: the server gets it, and the client never hears what became of it."""
        self._fatal = list(texts)

    def silence(self) -> None:
        """Keep the connections, and pass nothing any more."""
        self._passing.clear()

    def thaw(self) -> None:
        """Pass on what was held back, on the same connections."""
        self._passing.set()

    def heal(self) -> None:
        """Take connections again. Those that were silent are ended, as a router that lost their state does."""
        if not self._passing.is_set():
            self._end_all()
        self._is_cut = False
        self._passing.set()

    def close(self) -> None:
        """For teardown."""
        self._listener.close()
        self.cut()
        self._passing.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                self._open.append(client)
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._passing.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:
            _end(client)
            return
        self._open.append(server)
        threading.Thread(target=self._pass, args=(client, server, self._listen()), daemon=True).start()
        self._pass(server, client, lambda _data: False)

    def _pass(self, source: socket.socket, target: socket.socket, is_fatal: Callable[[bytes], bool]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._passing.wait()
                if is_fatal(data):
                    _end(source)
                    target.sendall(data)
                    target.shutdown(socket.SHUT_WR)  # what was sent is still read
                    return
                target.sendall(data)
        _end(source)
        _end(target)

    def _listen(self) -> Callable[[bytes], bool]:
        """For one connection: whether what its client sends is the last of the fatal texts."""
        heard = 0

        def is_fatal(data: bytes) -> bool:
            nonlocal heard
            while heard < len(self._fatal) and self._fatal[heard] in data:
                heard += 1
            if not self._fatal or heard < len(self._fatal):
                return False
            self._fatal = []
            return True

        return is_fatal

    def _end_all(self) -> None:
        for each in self._open:
            _end(each)
        self._open.clear()


def through(proxy: Proxy, address: str) -> str:
    """The same server's address, by way of the proxy."""
    direct = f":{urlsplit(address).port}/"
    assert direct in address
    return address.replace(direct, f":{proxy.port}/")


def _end(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
