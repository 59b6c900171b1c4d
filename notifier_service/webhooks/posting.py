"""One POST to an address that was checked. Whoever answers has bounds: on how long it may take, and on how much
of its answer is read."""

import contextlib
import io
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import eventlet
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from notifier_service.webhooks import resolving
from notifier_service.webhooks.addresses import Destination, is_public

_CONNECT_SECONDS = 5.0  # of one address
_WHOLE_SECONDS = 15.0  # until the answer's head is read; Standard Webhooks advises 15 to 30
_REST_SECONDS = 1.0  # for what comes behind it, which nobody needs
_MAX_ADDRESSES = 3  # of one host, that are tried
_MAX_ANSWER = 16 * 1024  # bytes that are read, head and body together

_NO_CONNECTION = (NewConnectionError, ConnectTimeoutError)

Resolve = Callable[[str, int], list[IPv4Address | IPv6Address]]


class NotReached(Exception):
    """There was no answer; the message says why, in words of ours."""


@dataclass(frozen=True)
class Answer:
    """What the receiver said: its status, and the text of `Retry-After`."""

    status: int
    retry_after: str | None = None


class Postman:
    """Posts. `trusted` says who is believed to be who they are, `resolve` where names lead to."""

    def __init__(
        self, allow_private: bool, trusted: ssl.SSLContext, resolve: Resolve = resolving.addresses_of
    ) -> None:
        self._allow_private = allow_private
        self._trusted = trusted
        self._resolve = resolve

    def post(self, to: Destination, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post it to the first of the host's addresses that takes a connection. Follows no redirect, knows no
        proxy.

        Raises NotReached, at the latest after five seconds for the name and fifteen for the rest.
        """
        addresses = self._checked_addresses(to)
        headers = {**headers, "Host": to.host_header, "Connection": "close"}
        try:
            with eventlet.Timeout(_WHOLE_SECONDS, TimeoutError()):
                answer = self._first_answer(addresses, to, headers, body)
        except (HTTPError, OSError, ValueError) as exc:
            raise NotReached(_reason(exc)) from exc
        # Who is still writing would else find the connection broken.
        with eventlet.Timeout(_REST_SECONDS, False), contextlib.suppress(HTTPError, OSError, ValueError):
            answer.read(_MAX_ANSWER)
        answer.close()
        return Answer(answer.status, answer.headers.get("Retry-After"))

    def _checked_addresses(self, to: Destination) -> list[IPv4Address | IPv6Address]:
        """Those that are then connected to, by number: where the name leads to a moment later does not matter."""
        try:
            found = self._resolve(to.host, to.port)
        except resolving.Unresolved as exc:
            raise NotReached(str(exc)) from exc
        if not self._allow_private and not all(is_public(each) for each in found):
            raise NotReached("its name leads to a private or local address")
        return found[:_MAX_ADDRESSES]

    def _first_answer(
        self, addresses: list[IPv4Address | IPv6Address], to: Destination, headers: Mapping[str, str], body: bytes
    ) -> urllib3.BaseHTTPResponse:
        *others, last = addresses
        for address in others:
            with contextlib.suppress(*_NO_CONNECTION):
                return self._answer(address, to, headers, body)
        return self._answer(last, to, headers, body)

    def _answer(
        self, address: IPv4Address | IPv6Address, to: Destination, headers: Mapping[str, str], body: bytes
    ) -> urllib3.BaseHTTPResponse:
        options: dict[str, Any] = {"timeout": urllib3.Timeout(connect=_CONNECT_SECONDS, read=_WHOLE_SECONDS)}
        pool: urllib3.HTTPConnectionPool
        if to.is_secure:
            # The handshake asks for the host by its name, and its certificate has to be for that.
            pool = _Secure(str(address), to.port, ssl_context=self._trusted, server_hostname=to.host, **options)
        else:
            pool = _Plain(str(address), to.port, **options)
        with pool:
            return pool.urlopen(
                "POST",
                to.target,
                body,
                headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )


class _Counted(io.RawIOBase):
    """What comes from a connection, until it is too much. Others have their turn at each piece, also when the
    next one is there already."""

    def __init__(self, connection: io.RawIOBase) -> None:
        self._connection = connection
        self._left = _MAX_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        eventlet.sleep(0)
        if not self._left:
            raise OSError("too much")
        read = self._connection.readinto(memoryview(into)[: self._left])
        self._left -= read or 0
        return read

    def close(self) -> None:
        self._connection.close()
        super().close()


class _ShortAnswer(HTTPResponse):
    """An answer of which no more is read than there is room for, whatever it calls itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_Counted(self.fp.detach()))


class _Plain(urllib3.HTTPConnectionPool):
    class ConnectionCls(HTTPConnection):
        response_class = _ShortAnswer


class _Secure(urllib3.HTTPSConnectionPool):
    class ConnectionCls(HTTPSConnection):
        response_class = _ShortAnswer


def _reason(exc: Exception) -> str:
    """Why there was no answer, without a word of the other side's."""
    if isinstance(exc, SSLError):
        return "its certificate is not one for its name, or not trusted"
    if isinstance(exc, _NO_CONNECTION):
        return "it takes no connection"
    if isinstance(exc, ReadTimeoutError | TimeoutError):
        return "it did not answer in time"
    return "it did not answer in HTTP"
