"""A receiver of webhooks, as an integrator would run one: it keeps what reaches it, and answers as it is told."""

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.mail_server import make_certificate

OK = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


def answer(status: int, **headers: str) -> bytes:
    """An answer without a body, as bytes."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}Content-Length: 0\r\n\r\n".encode()


@dataclass(frozen=True)
class Post:
    """What reached it. Names of headers are in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    def is_signed_with(self, secret: str) -> bool:
        """As the specification has receivers verify it, written down a second time."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split(" ")


class Receiver:
    """Listens on 127.0.0.1; with a `folder` for its certificate, by TLS as `name`. `answers` are given one after
    the other, the last of them again and again; one that is a function gets the connection to do as it likes."""

    def __init__(
        self, *answers: bytes | Callable[[Any], None], folder: Path | None = None, name: str = "localhost"
    ) -> None:
        self.answers = list(answers) or [OK]
        self.posts: list[Post] = []
        self.connections = 0
        self.asked_for: list[str | None] = []  # names, in handshakes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._tls: ssl.SSLContext | None = None
        if folder is not None:
            self.certificate = make_certificate(folder, name)
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(self.certificate)
            self._tls.sni_callback = lambda _, name, __: self.asked_for.append(name)
        self.url = f"{'http' if folder is None else 'https'}://{name}:{self.port}/hook"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def ids(self) -> list[str]:
        return [post.id for post in self.posts]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, bare: socket.socket) -> None:
        self.connections += 1
        with bare, contextlib.suppress(OSError, ValueError):
            connection = self._tls.wrap_socket(bare, server_side=True) if self._tls else bare
            with connection, connection.makefile("rb") as file:
                first = file.readline().decode("latin-1")
                lines = [line.decode("latin-1") for line in iter(file.readline, b"\r\n")]
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
                }
                body = file.read(int(headers.get("content-length", "0")))
                self.posts.append(Post(first.split(" ")[1], headers, body))
                said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if callable(said):
                    said(connection)
                else:
                    connection.sendall(said)
