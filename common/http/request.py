"""A request, as methods and the server see it."""

import re
from collections.abc import Callable

_ABSOLUTE = re.compile(rb"https?://[^/?]*", re.IGNORECASE)


class Request:
    """A request's head and, when `is_complete`, its body. Names of headers are in small letters; a header that
    comes twice is one with a comma."""

    __slots__ = (
        "_data",
        "address",
        "content_length",
        "fetch_body",
        "headers",
        "is_complete",
        "is_http_1_1",
        "keeps_alive",
        "method",
        "path",
        "path_values",
        "query_string",
        "request_id",
        "size",
        "wants_continue",
    )

    def __init__(self, method: str, target: bytes, is_http_1_1: bool = True) -> None:
        self.method = method
        # http://somewhere/path asks for /path; where it was sent to is the connection's affair (RFC 9112, 3.2.2).
        if (absolute := _ABSOLUTE.match(target)) is not None:
            target = target[absolute.end() :] or b"/"
            if not target.startswith(b"/"):
                target = b"/" + target
        self.path, _, self.query_string = target.decode("ascii").partition("?")
        self.headers: dict[bytes, bytes] = {}
        self.content_length: int | None = None  # bytes of the body by its Content-Length; None in chunks
        self.size = 0  # bytes of the body that have come
        self.is_http_1_1 = is_http_1_1  # HTTP/1.1, and not 1.0
        self.keeps_alive = True
        self.wants_continue = False
        self.is_complete = False
        self.address = ""  # where it came from, by the connection or a trusted proxy
        self.request_id = ""
        self.path_values: dict[str, str] = {}
        self._data = bytearray()
        self.fetch_body: Callable[[Request], None] | None = None

    @property
    def body(self) -> bytes:
        """What has come of the body."""
        return bytes(self._data)

    @property
    def has_body(self) -> bool:
        """False when it neither announces nor sends one."""
        return self.content_length != 0

    def header(self, name: bytes) -> str | None:
        """A header's value, None when it is not there."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def complete(self) -> None:
        """Wait for the rest of the body. Raises Refusal when it does not come, or not as it should."""
        if not self.is_complete and self.fetch_body is not None:
            self.fetch_body(self)
