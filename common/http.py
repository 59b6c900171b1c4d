"""HTTP: the `@http` entrypoint of all services, and the server behind it.

A method says what it needs of the request by the names of its parameters:

    @rpc
    @http("POST", "/orders", status=201, location="/orders/{order_number}")
    def place_order(self, body, caller=None): ...

`body` is the JSON body, `query` the query's parameters, `caller` what the request says of who is asking,
`idempotency_key` the header of that name, and the path's variables come under their own names. What it returns is
answered as JSON, what it raises as problem details, so that the same method serves RPC as it stands.
"""

import functools
import inspect
import ipaddress
import logging
import re
import resource
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import eventlet
from nameko.exceptions import ContainerBeingKilled
from nameko.web.handlers import HttpRequestHandler
from nameko.web.server import WebServer, WsgiApp
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Request

from common import codec, errors, logs, metrics
from common.http_head import QuickHead
from common.settings import settings

MAX_BODY = 64 * 1024  # bytes
SOCKET_TIMEOUT = 60  # seconds that a connection may say nothing, between requests too
BODY_TIMEOUT = 10  # seconds for the whole body, however slowly it drips
# Of one process; a third of its files is left for everything else.
MAX_CONNECTIONS = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 2 // 3)
_ACCEPT_PAUSE = 0.1  # seconds after a connection could not be accepted

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    # Links carry an order's secret in their query.
    ("Referrer-Policy", "no-referrer"),
)


class HttpServer(WebServer):
    """Nameko's web server on the service's own address, with bounds, and with our errors."""

    _is_accepting: bool
    _answering = 0  # requests whose answer is not sent yet
    in_work = 0  # requests that a method is working on

    def __init__(self) -> None:
        super().__init__()
        self._connections = 0

    @property
    def bind_addr(self) -> tuple[str, int]:
        config = settings(self.container.config, self.container.service_name)
        return config.http_host, config.http_port

    def get_wsgi_app(self) -> "App":
        return App(self)

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, protocol: Any = None, debug: bool = False) -> Any:
        server = super().get_wsgi_server(sock, wsgi_app, protocol=_Protocol, debug=debug)
        server.log_output = False  # ours says it, with the request id
        server.socket_timeout = SOCKET_TIMEOUT
        server.capitalize_response_headers = False  # ours are written as they should be
        return server

    def run(self) -> None:
        # Nameko's ends the process when a connection cannot be accepted.
        while self._is_accepting:
            try:
                super().run()
            except OSError as exc:
                logs.event("request_failed", "cannot accept a connection", logging.ERROR, error=exc)
                eventlet.sleep(_ACCEPT_PAUSE)

    def process_request(self, sock: Any, address: Any) -> None:
        if self._connections >= MAX_CONNECTIONS:
            sock.close()
            return
        self._connections += 1
        try:
            super().process_request(sock, address)
        except OSError as exc:
            logs.event("request_failed", "a connection broke", logging.DEBUG, error=exc)
        finally:
            self._connections -= 1

    def close_door(self) -> None:
        """Take no new connection, and end the open ones after the request that they are at."""
        if self._gt is not None and self._is_accepting:
            self._is_accepting = False
            self._gt.kill()
            self._sock.close()
            self._serv.keepalive = False

    def stop(self) -> None:
        self.close_door()
        # Not WebServer.stop(): it would close the door a second time.
        self._last_answers()

    def begin_answer(self, environ: dict[str, Any]) -> None:
        """An answer is on the way from now until eventlet has sent it."""

        def sent(_environ: dict[str, Any]) -> None:
            self._answering -= 1

        self._answering += 1
        environ["eventlet.posthooks"].append((sent, (), {}))

    def _last_answers(self) -> None:
        """Workers are done when this is called; their answers may still be on the way."""
        with eventlet.Timeout(1, False):
            while self._answering:
                eventlet.sleep(0.01)


class _Protocol(QuickHead):
    """What cannot be parsed gets our form of error too, and a client that goes away is not worth a traceback."""

    wfile: Any

    def setup(self) -> None:
        super().setup()
        self.wfile = _Wire(self.wfile)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.wfile.write(_not_http(code))

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True


class _Wire:
    """A connection's output. Eventlet refuses some requests by writing a finished answer, and nothing else so."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> Any:
        refused = re.match(rb"HTTP/1\.0 (4[0-9]{2}) ", data)
        return self._file.write(_not_http(int(refused[1])) if refused else data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _not_http(status: int) -> bytes:
    """The whole answer to a request whose first lines cannot be read."""
    request_id = logs.new_request_id()
    logs.begin_request(request_id)
    logs.event("validation_failed", "not HTTP as it is spoken here", status=status)
    refusal = errors.Malformed(f"{HTTPStatus(status).phrase}.")
    refusal.status = status
    answer = problem(refusal, request_id)
    head = "".join(f"{name}: {value}\r\n" for name, value in [*answer.headers, ("Connection", "close")])
    return f"HTTP/1.1 {answer.status}\r\n{head}\r\n".encode("latin-1") + answer.body


class App(WsgiApp):
    """Routes a request; what cannot be routed gets the same form of error as everything else."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server)
        self._routes: dict[str, list[tuple[re.Pattern[str], HttpEntrypoint]]] = {}
        # As in werkzeug's routing, what is fixed comes before what may be anything.
        for rule in sorted(self.url_map.iter_rules(), key=lambda rule: rule.rule.count("<")):
            pattern = re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[!-.0-~]+)", rule.rule))
            self._routes.setdefault(rule.endpoint.method, []).append((pattern, rule.endpoint))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        request_id = logs.sane_request_id(environ.get("HTTP_X_REQUEST_ID"))
        environ["expedite.request_id"] = request_id
        environ["expedite.address"] = _address(environ, self.server.container.settings.trusted_proxies)
        logs.begin_request(request_id)
        self.server.begin_answer(environ)
        return self._answer(environ, request_id)(environ, start_response)

    def _answer(self, environ: dict[str, Any], request_id: str) -> "Answer":
        try:
            provider, values = self._route(environ)
        except MethodNotAllowed as exc:
            allow = sorted(exc.valid_methods or ())
            return problem(errors.MethodNotAllowed(f"Try {', '.join(allow)}.", {"allow": allow}), request_id)
        except (HTTPException, RequestRedirect):
            return problem(errors.NotFound("There is nothing at this address."), request_id)
        request = Request(environ)
        request.path_values = values  # type: ignore[attr-defined]
        return provider.handle_request(request)

    def _route(self, environ: dict[str, Any]) -> tuple["HttpEntrypoint", dict[str, Any]]:
        for pattern, provider in self._routes.get(environ["REQUEST_METHOD"], ()):
            if match := pattern.fullmatch(environ["PATH_INFO"]):
                return provider, match.groupdict()
        # What is asked otherwise (HEAD, a path with an é or a slash too many) is werkzeug's to judge.
        return self.url_map.bind_to_environ(environ).match()


class Answer:
    """An answer with its whole body, as WSGI. werkzeug's Response would take as long as routing and reading do."""

    def __init__(self, status: int, content_type: str, body: bytes, request_id: str) -> None:
        self.status_code = status
        self.status = _STATUS[status]
        self.body = body
        self.headers = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("X-Request-ID", request_id),
            ("Date", _date(int(time.time()))),
            *_ALWAYS,
        ]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(self.status, self.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


class HttpEntrypoint(HttpRequestHandler):
    """See the module. `status` is the answer's; `location` is filled from the answer's members. With a
    `content_type`, the method returns the body's bytes. `at_once` is how many requests of this route a process
    works on at a time, where they must leave room for others."""

    server = HttpServer()

    def __init__(
        self,
        method: str,
        url: str,
        *,
        status: int = 200,
        location: str | None = None,
        content_type: str | None = None,
        at_once: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(method, url, **kwargs)
        self.is_probe = url.startswith(("/health", "/metrics"))
        self.status = status
        self.location = location
        self.content_type = content_type
        self.at_once = at_once
        self._in_work = 0

    def setup(self) -> None:
        super().setup()
        method = getattr(self.container.service_cls, self.method_name)
        self._wants = {
            name: read for name, read in _READERS.items() if name in inspect.signature(method).parameters
        }
        self._timed: dict[int, Any] = {}  # what REQUESTS keeps, by the answer's status

    def handle_request(self, request: Request) -> Answer:
        started = time.perf_counter()
        request_id = request.environ["expedite.request_id"]
        try:
            answer = self._run(request, request_id)
        except errors.Refusal as refusal:
            if isinstance(refusal, errors.Invalid | errors.Malformed | errors.WrongMediaType | errors.TooLarge):
                logs.event(
                    "validation_failed",
                    refusal.title,
                    logging.WARNING,
                    fields=[error["field"] for error in refusal.extra.get("errors", [])],
                )
            answer = problem(refusal, request_id)
        except Exception:
            logs.event("request_failed", f"{request.method} {self.url} failed", logging.ERROR)
            answer = problem(errors.Broken("It is logged under this request id."), request_id)
        seconds = time.perf_counter() - started
        status = answer.status_code
        if status not in self._timed:
            self._timed[status] = metrics.REQUESTS.labels(self.method, self.url, status)
        self._timed[status].observe(seconds)
        logs.event(
            "request_received",
            f"{request.method} {self.url}",
            logging.DEBUG if self.is_probe else logging.INFO,
            status=status,
            milliseconds=round(seconds * 1000, 1),
        )
        return answer

    def _run(self, request: Request, request_id: str) -> Answer:
        self._refuse_too_much()  # at once, and before the body is read: piling up would help nobody
        arguments = dict(request.path_values)  # type: ignore[attr-defined]
        for name, read in self._wants.items():
            arguments[name] = read(request)
        if self.is_probe:
            return self._call(arguments, request_id)
        self._refuse_too_much()
        self.server.in_work += 1
        self._in_work += 1
        try:
            return self._call(arguments, request_id)
        finally:
            self.server.in_work -= 1
            self._in_work -= 1

    def _refuse_too_much(self) -> None:
        if self.is_probe:
            return
        is_full = self.at_once is not None and self._in_work >= self.at_once
        if is_full or self.server.in_work >= self.container.settings.max_concurrent:
            raise errors.Unavailable("Too much at once; try again in a moment.")

    def _call(self, arguments: dict[str, Any], request_id: str) -> Answer:
        try:
            result = self.container.run_worker(self, arguments, {"request_id": request_id})
        except ContainerBeingKilled as exc:
            raise errors.Unavailable("This process is stopping.") from exc
        if self.content_type is not None:
            return Answer(self.status, self.content_type, result, request_id)
        answer = Answer(self.status, _JSON, codec.dumps(result), request_id)
        if self.location is not None:
            answer.headers.append(("Location", self.location.format_map(result)))
        return answer


http = HttpEntrypoint.decorator


@functools.lru_cache(maxsize=2)
def _date(now: int) -> str:
    """As HTTP writes it; eventlet would do so for each answer."""
    return formatdate(now, usegmt=True)


def problem(refusal: errors.Refusal, request_id: str) -> Answer:
    """The HTTP answer of a refusal."""
    answer = Answer(refusal.status, _PROBLEM, codec.dumps(refusal.problem(request_id)), request_id)
    answer.headers += refusal.headers.items()
    return answer


def _body(request: Request) -> Any:
    """The JSON body. An absent one is None: whether that will do is the method's rule."""
    environ = request.environ
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = None if chunked else int(environ.get("CONTENT_LENGTH", 0))
    if not length and not chunked:
        return None
    if length is not None and length > MAX_BODY:
        raise errors.TooLarge(f"At most {MAX_BODY} bytes are read.")
    if environ["CONTENT_TYPE"].partition(";")[0].strip().lower() != _JSON:
        raise errors.WrongMediaType(f"Send the body as {_JSON}.")
    data = _read(environ["wsgi.input"], MAX_BODY + 1 if length is None else length)
    if len(data) > MAX_BODY:
        raise errors.TooLarge(f"At most {MAX_BODY} bytes are read.")
    if length is not None and len(data) < length:
        raise errors.Malformed("The body is shorter than its Content-Length.")
    try:
        return codec.loads(data)
    except ValueError as exc:  # no UTF-8, no JSON, NaN, a number of a thousand digits
        raise errors.Malformed("The body is not JSON.") from exc


def _read(stream: Any, limit: int) -> bytes:
    chunks: list[bytes] = []
    left = limit
    try:
        with eventlet.Timeout(BODY_TIMEOUT, TimeoutError()):
            while left > 0 and (chunk := stream.read(left)):
                chunks.append(chunk)
                left -= len(chunk)
    except (OSError, ValueError) as exc:  # cut off, too slow, or chunks that are none
        raise errors.Malformed("The body ended early.") from exc
    return b"".join(chunks)


def _query(request: Request) -> dict[str, str]:
    return dict(request.args.items())


def _caller(request: Request) -> dict[str, str | None]:
    """Who is asking, as far as the request says; the rules in the services decide what that is worth.

    `key` is an order's secret, `token` a sign-in's ("" for what is none), `address` where the request came from.
    """
    environ = request.environ
    authorization = environ.get("HTTP_AUTHORIZATION")
    token = None
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
    key = request.args.get("key") if environ.get("QUERY_STRING") else None
    return {"key": key, "token": token, "address": environ["expedite.address"]}


def _address(environ: dict[str, Any], trusted_proxies: int) -> str:
    """Where the request came from. Each trusted proxy has put the address that called it at the end of
    X-Forwarded-For; what stands before those anybody can have written."""
    passed = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-trusted_proxies:] if trusted_proxies else []
    forwarded = _normal(passed[0]) if len(passed) == trusted_proxies != 0 else None
    return forwarded or _normal(environ.get("REMOTE_ADDR", "")) or ""


@functools.lru_cache(maxsize=1024)
def _normal(address: str) -> str | None:
    """An address in its one spelling, without its port; of IPv6 the network (/64), which is one customer's. None
    for what is no address."""
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+|([0-9A-Fa-f:.]+)", address.strip())
    try:
        parsed = ipaddress.ip_address("".join(filter(None, found.groups()))) if found else None
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed else None


def _idempotency_key(request: Request) -> str | None:
    return request.headers.get("Idempotency-Key")


_READERS: dict[str, Callable[[Request], Any]] = {
    "body": _body,
    "query": _query,
    "caller": _caller,
    "idempotency_key": _idempotency_key,
}
