"""The web server of a service: takes connections, within bounds, and routes their requests."""

import contextlib
import logging
import re
import resource
import socket
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import unquote

import eventlet
from eventlet.hubs import notify_opened, trampoline
from nameko.web.server import WebServer
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, MapAdapter, RequestRedirect

from common import errors
from common.http import addresses
from common.http.answer import Answer, problem
from common.http.connection import SEND_TIMEOUT, Connection
from common.http.request import Request
from common.observability import logs, metrics
from common.settings import Settings

if TYPE_CHECKING:
    from common.http.entrypoint import HttpEntrypoint

MAX_CONNECTIONS = 2000  # of one process, if it may have so many files open
_BACKLOG = 1024  # connections that the kernel holds until they are taken
_FIRST_REQUEST = 1.0  # seconds that whoever had come before the door was closed has, to say what for
_WATCH = 0.5  # seconds between two looks at what has waited for too long
_ACCEPT_PAUSE = 0.1  # seconds after a connection could not be accepted


class HttpServer(WebServer):
    """Nameko's web server, on the service's own address and with a server of ours under it."""

    _starting: bool
    _is_accepting: bool
    in_work = 0  # requests that a method is working on

    def __init__(self) -> None:
        super().__init__()
        self._connections: set[Connection] = set()
        self._by_address: dict[str, int] = {}
        self._is_closing = False

    @property
    def bind_addr(self) -> tuple[str, int]:
        return self._settings.http_host, self._settings.http_port

    def start(self) -> None:
        if self._starting:  # by another entrypoint
            return
        self._starting = True
        self._settings: Settings = self.container.settings
        self._max_connections = _max_connections()
        url_map = self.make_url_map()
        self._adapter: MapAdapter = url_map.bind("expedite")
        self._index(url_map)
        # With SO_REUSEPORT, as eventlet does: another process of the service shares the port.
        self._sock = eventlet.listen(self.bind_addr, backlog=_BACKLOG)
        # Both are inherited by what it accepts. Without the second a client whose network has vanished would be
        # waited for until the kernel gives up, which takes a quarter of an hour.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SEND_TIMEOUT * 1000))
        self._gt = self.container.spawn_managed_thread(self.run)
        self.container.spawn_managed_thread(self._watch)

    def _index(self, url_map: Map) -> None:
        """The routes as they are looked up. A page and programs' answer may have one address."""
        self._routes: dict[str, list[tuple[re.Pattern[str], HttpEntrypoint]]] = {}
        self._pages: dict[HttpEntrypoint, HttpEntrypoint] = {}  # by what programs get at the same address
        self._a_page: HttpEntrypoint | None = None  # says in HTML what is wrong with an address
        programs: dict[tuple[str, str], HttpEntrypoint] = {}
        # As in werkzeug's routing, what is fixed comes before what may be anything; a page comes last.
        for rule in sorted(url_map.iter_rules(), key=lambda rule: (rule.rule.count("<"), rule.endpoint.is_page)):
            provider: HttpEntrypoint = rule.endpoint
            if provider.is_page:
                self._a_page = provider
            address = provider.method, rule.rule
            if address in programs:
                self._pages[programs[address]] = provider
                continue
            programs[address] = provider
            pattern = re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[!-.0-~]+)", rule.rule))
            self._routes.setdefault(provider.method, []).append((pattern, provider))

    def run(self) -> None:
        """Take connections until the door is closed."""
        while self._is_accepting:
            # Through the event loop each time: whoever calls without end gets no more of the process than others.
            trampoline(self._sock.fd, read=True)
            try:
                self._accept()
            except OSError as exc:
                logs.event("request_failed", "cannot accept a connection", logging.ERROR, error=exc)
                eventlet.sleep(_ACCEPT_PAUSE)

    def _accept(self) -> bool:
        """Take a connection, if one waits; False when none does, as when another process was faster."""
        try:
            sock, address = self._sock.fd.accept()  # without eventlet's socket around it
        except BlockingIOError:
            return False
        notify_opened(sock.fileno())
        sock.setblocking(False)
        self._take(sock, str(address[0]))
        return True

    def close_door(self) -> None:
        """Take no new connection, and end the open ones after the request that they are at, those that have just
        come after their first one."""
        if self._gt is not None and self._is_accepting:
            self._is_accepting = False
            self._is_closing = True
            self._gt.kill()
            # Those that wait for us in the kernel would be reset when it closes.
            with contextlib.suppress(OSError):
                while self._accept():
                    pass
            self._sock.close()
            with eventlet.Timeout(_FIRST_REQUEST, False):
                while any(connection.is_new for connection in self._connections):
                    eventlet.sleep(0.01)
            for connection in list(self._connections):
                connection.end_soon()

    def stop(self) -> None:
        self.close_door()
        # Workers are done when this is called; their answers may still be on the way.
        with eventlet.Timeout(1, False):
            while any(connection.is_answering for connection in self._connections):
                eventlet.sleep(0.01)

    def _take(self, sock: socket.socket, peer: str) -> None:
        """Serve a connection in a thread of its own, or refuse it."""
        owner = addresses.normal(peer) or peer
        exhausted = None
        if len(self._connections) >= self._max_connections:
            exhausted = "process"
        # Behind proxies all come from the proxies, which count for themselves.
        elif (
            not self._settings.trusted_proxies
            and self._by_address.get(owner, 0) >= self._settings.max_connections_per_address
        ):
            exhausted = "address"
        if exhausted is not None:
            metrics.REFUSED_CONNECTIONS.labels(exhausted).inc()
            full = problem(
                errors.Unavailable("Too many connections; try again in a moment."), logs.new_request_id()
            )
            with contextlib.suppress(OSError):
                sock.send(full.wire(with_body=True, close=True))
            sock.close()
            return
        connection = Connection(sock, lambda request: self._answer(request, peer), lambda: self._is_closing)
        self._connections.add(connection)
        self._by_address[owner] = self._by_address.get(owner, 0) + 1
        self.container.spawn_managed_thread(lambda: self._serve(connection, owner))

    def _serve(self, connection: Connection, owner: str) -> None:
        try:
            connection.run()
        finally:
            self._connections.discard(connection)
            self._by_address[owner] -= 1
            if not self._by_address[owner]:
                del self._by_address[owner]

    def _watch(self) -> None:
        """One timer for all connections: theirs would cost each request as much as a short method."""
        while True:
            eventlet.sleep(_WATCH)
            now = monotonic()
            for connection in list(self._connections):
                connection.end_if_late(now)

    def _answer(self, request: Request, peer: str) -> Answer:
        request.request_id = logs.sane_request_id(request.header(b"x-request-id"))
        logs.begin_request(request.request_id)
        request.own_origins = self._settings.own_origins
        forwarded = request.header(b"x-forwarded-for")
        request.address = addresses.client(peer, forwarded, self._settings.trusted_proxies)
        try:
            provider, request.path_values = self._route(request)
            if provider in self._pages and request.wants_page():
                provider = self._pages[provider]
        except errors.Refusal as refusal:
            metrics.REFUSED_REQUESTS.labels(refusal.code).inc()
            logs.event("request_received", "no such address or method", logging.DEBUG, status=refusal.status)
            if self._a_page is not None and request.wants_page():
                return self._a_page.refused(refusal, request)
            return problem(refusal, request.request_id)
        return provider.handle_request(request)

    def _route(self, request: Request) -> tuple["HttpEntrypoint", dict[str, str]]:
        """Who answers, with the path's variables. Raises NotFound and MethodNotAllowed."""
        for pattern, provider in self._routes.get(request.method, ()) if "%" not in request.path else ():
            if match := pattern.fullmatch(request.path):
                return provider, match.groupdict()
        # What is asked otherwise (HEAD, a path with an é or a slash too many) is werkzeug's to judge.
        try:
            provider, values = self._adapter.match(unquote(request.path, errors="replace"), method=request.method)
            return provider, dict(values)
        except MethodNotAllowed as exc:
            allow = sorted(exc.valid_methods or ())
            raise errors.MethodNotAllowed(f"Try {', '.join(allow)}.", {"allow": allow}) from None
        except (HTTPException, RequestRedirect):
            raise errors.NotFound("There is nothing at this address.") from None


def _max_connections() -> int:
    """That this process takes; a third of the files that it may have open is left for everything else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS * 3 // 2
    if soft < wanted:  # the usual 1024, which are for programs of before epoll
        soft = min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MAX_CONNECTIONS, soft * 2 // 3)
