"""The first lines of a request, read quickly.

The standard library reads headers with its parser for e-mail, which costs a tenth of an empty request. What
clients really send, one `Name: value` a line under a line of HTTP/1.1, is read here; whatever looks otherwise (an
old version, a folded line, a strange name) goes to the standard library, so it means what it always meant.
"""

import re
from email.parser import Parser
from http.client import HTTPMessage
from typing import Any, cast

from nameko.web.server import HttpOnlyProtocol

_MOST_LINES = 100  # the standard library's
_REQUEST = re.compile(rb"([A-Z]+) (/(?:[!-.0-~][!-~]*)?) HTTP/1\.1\r\n")
_HEADER = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([!-~](?:[ -~]*[!-~])?|)[ \t]*\r\n")


class Headers:
    """What the web server asks of a request's headers."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._headers = pairs
        self._first = {name.lower(): value for name, value in reversed(pairs)}

    def get(self, name: str, default: Any = None) -> Any:
        return self._first.get(name.lower(), default)

    def get_content_type(self) -> str:
        """Of a request that names none."""
        return "text/plain"


class QuickHead(HttpOnlyProtocol):
    """A connection's side of it."""

    def parse_request(self) -> bool:
        request = _REQUEST.fullmatch(self.raw_requestline)
        if request is None:
            return cast(bool, super().parse_request())
        lines = []
        while (line := self.rfile.readline()) not in (b"\r\n", b"\n", b""):
            lines.append(line)
            if len(lines) >= _MOST_LINES:
                self.close_connection = True
                self.send_error(431)
                return False
        self.command = request[1].decode()
        self.path = request[2].decode()
        self.requestline = f"{self.command} {self.path} HTTP/1.1"
        self.request_version = "HTTP/1.1"
        self.headers = _headers(lines)
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        return True


def _headers(lines: list[bytes]) -> Headers | HTTPMessage:
    pairs = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            return Parser(_class=HTTPMessage).parsestr(b"".join(lines).decode("iso-8859-1"))
        pairs.append((header[1].decode(), header[2].decode()))
    return Headers(pairs)
