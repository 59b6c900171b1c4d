"""Erlang's name server, with another answer for each who asks: so the network between the nodes of a cluster can
be one that breaks."""

import contextlib
import secrets
import socket
import struct
import threading
from collections.abc import Mapping

# The protocol of epmd: https://www.erlang.org/doc/apps/erts/erl_dist_protocol.html
_ALIVE, _PORT_PLEASE, _NAMES = 120, 122, 110
_REGISTERED, _PORT = 118, 119
_HIDDEN, _TCP, _HIGHEST, _LOWEST = 77, 0, 6, 5


class Names:
    """The name server of one node. Of that node it says what the node says; of the others, by their names without
    their hosts, the ports in `others`."""

    def __init__(self, others: Mapping[str, int]) -> None:
        self._ports = dict(others)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """For teardown."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, struct.error):
            (length,) = struct.unpack(">H", _read(client, 2))
            request = _read(client, length)
            if request[0] == _ALIVE:
                port, size = struct.unpack_from(">H", request, 1)[0], struct.unpack_from(">H", request, 9)[0]
                name = request[11 : 11 + size].decode()
                self._ports[name] = port
                client.sendall(struct.pack(">BBI", _REGISTERED, 0, secrets.randbelow(2**31)))
                with contextlib.suppress(OSError):
                    client.recv(1)  # the node is there for as long as its connection is
                self._ports.pop(name, None)
            elif request[0] == _PORT_PLEASE:
                asked = request[1:]
                port = self._ports.get(asked.decode())
                if port is None:
                    client.sendall(bytes((_PORT, 1)))
                    return
                found = (
                    struct.pack(">HBBHHH", port, _HIDDEN, _TCP, _HIGHEST, _LOWEST, len(asked)) + asked + b"\0\0"
                )
                client.sendall(bytes((_PORT, 0)) + found)
            elif request[0] == _NAMES:
                lines = "".join(f"name {name} at port {port}\n" for name, port in self._ports.items())
                client.sendall(struct.pack(">I", self.port) + lines.encode())


def _read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise OSError("it went away")
        data += more
    return data
