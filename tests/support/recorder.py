"""A service that only writes down what reaches it, byte for byte, and answers."""

import contextlib
import socket
import threading
from dataclasses import dataclass

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Request:
    """What reached it. `head` is in small letters."""

    line: str
    head: str
    body: bytes


class Recorder:
    """It believes a request's framing as far as it has to, to see where one ends and the next begins."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests: list[Request] = []
        self.begun = 0  # requests of which it has seen the first line
        #: Set by a test that wants the second half of an event stream sent.
        self.go_on = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self.go_on.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def lines(self) -> list[str]:
        """The first lines of the requests, without their version."""
        return [request.line.rpartition(" ")[0] for request in self.requests]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            file = connection.makefile("rb")
            while line := file.readline():
                self.begun += b"/health/live" not in line
                head = "".join(text.decode("latin-1").lower() for text in iter(file.readline, b"\r\n"))
                body = b""
                if "transfer-encoding: chunked" in head:
                    while (size := int(file.readline().partition(b";")[0], 16)) > 0:
                        body += file.read(size)
                        file.readline()
                    while file.readline() != b"\r\n":
                        pass
                elif "content-length:" in head:
                    body = file.read(int(head.partition("content-length:")[2].split()[0]))
                if b"/health/live" in line:
                    connection.sendall(OK)
                    continue
                self.requests.append(Request(line.decode("latin-1").strip(), head, body))
                if b"/stream" in line:
                    self._stream(connection)
                    return
                connection.sendall(OK)

    def _stream(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        if self.go_on.wait(120):
            connection.sendall(b"data: 2\n\n")
