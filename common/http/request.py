"""A request, as methods and the server see it."""

import re
from collections.abc import Callable

FORM = b"application/x-www-form-urlencoded"  # the content type of a page's form
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
        "own_origins",
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
        self.own_origins: frozenset[str] = frozenset()  # of Expedite's pages, besides the one that it was sent to
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

    def cookie(self, name: str) -> str | None:
        """A cookie's value; the first of several, None when there is none."""
        for pair in (self.header(b"cookie") or "").split(";"):
            key, is_pair, value = pair.strip().partition("=")
            if is_pair and key == name:
                return value
        return None

    def is_from_our_pages(self) -> bool:
        """True when a page of Expedite sent it, or somebody who typed the address; false for another site's page,
        and for what does not say. Browsers say so by themselves, and scripts cannot say anything else."""
        if self.headers.get(b"sec-fetch-site") in (b"same-origin", b"none"):
            return True
        origin = self.header(b"origin") or ""
        # Without a host, of the origin "null" that a page in a sandbox has.
        scheme, _, host = origin.partition("://")
        if scheme == "http" and f"https://{host}" in self.own_origins:
            return False  # whoever is on the way can send such a page
        return origin in self.own_origins or (host != "" and host == self.header(b"host"))

    def wants_page(self) -> bool:
        """True when a browser asks for a page, or sends a page's form; false for programs."""
        if self.method in ("GET", "HEAD"):
            return b"text/html" in self.headers.get(b"accept", b"")
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == FORM

    def complete(self) -> None:
        """Wait for the rest of the body. Raises Refusal when it does not come, or not as it should."""
        if not self.is_complete and self.fetch_body is not None:
            self.fetch_body(self)
