"""The `@http` entrypoint: from a request to a method's arguments, and from what it gives back to an answer."""

import inspect
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from nameko.exceptions import ContainerBeingKilled
from nameko.web.handlers import HttpRequestHandler

from common import codec, errors
from common.http.answer import JSON, Accepted, Answer, Stream, StreamAnswer, problem
from common.http.request import Request
from common.http.server import HttpServer
from common.observability import logs, metrics, traces

#: The cookie that holds who is signed in: a sign-in's token, which pages cannot read and only our own send.
SESSION = "expedite"

_MAX_PARAMETERS = 50  # of a query
_MAX_QUERY = 4096  # characters; a percent-encoded letter is read at the cost of ten others


class HttpEntrypoint(HttpRequestHandler):
    """See the package. `status` is the answer's; `location` is filled from the answer's members. With a
    `content_type`, the method returns the body's bytes. `max_concurrent` is how many requests of this route a
    process works on at a time, where they must leave room for others."""

    server = HttpServer()
    is_page = False  # answers browsers, where programs may get something else at the same address
    is_traced = True
    is_for_programs = True  # so it stands in the service's OpenAPI document
    own_readers: Mapping[str, Callable[[Request], Any]] = {}  # what methods can ask for besides READERS

    def __init__(
        self,
        method: str,
        url: str,
        *,
        status: int = 200,
        location: str | None = None,
        content_type: str | None = None,
        max_concurrent: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(method, url, **kwargs)
        self.is_probe = url.startswith(("/health", "/metrics"))
        self.status = status
        self.location = location
        self.content_type = content_type
        self.max_concurrent = max_concurrent
        self._in_work = 0

    def setup(self) -> None:
        super().setup()
        method = getattr(self.container.service_cls, self.method_name)
        self._wants = {
            name: read
            for name, read in {**READERS, **self.own_readers}.items()
            if name in inspect.signature(method).parameters
        }
        self._timed: dict[int, Any] = {}  # what REQUESTS keeps, by the answer's status

    def handle_request(self, request: Request) -> Answer:
        if traces.on and self.is_traced and not self.is_probe:
            return self._traced(request)
        return self._answer(request)

    def _traced(self, request: Request) -> Answer:
        attributes = {
            "http.request.method": self.method,
            "http.route": self.url,
            "expedite.request_id": request.request_id,
        }
        theirs, is_reading = request.header(b"traceparent"), self.method == "GET"
        with traces.serve(f"{self.method} {self.url}", theirs, attributes, is_reading=is_reading) as span:
            answer = self._answer(request)
            if span is not None:
                traces.note_status(answer.status)
                answer.headers.append((traces.HEADER, str(traces.traceparent())))
            return answer

    def _answer(self, request: Request) -> Answer:
        started = time.perf_counter()
        try:
            answer = self._run(request)
        except errors.Refusal as refusal:
            if isinstance(refusal, errors.Invalid | errors.Malformed | errors.WrongMediaType | errors.TooLarge):
                logs.event(
                    "validation_failed",
                    refusal.title,
                    logging.WARNING,
                    fields=[error["field"] for error in refusal.extra.get("errors", [])],
                )
            answer = self.refused(refusal, request)
        except Exception:
            logs.event("request_failed", f"{request.method} {self.url} failed", logging.ERROR)
            answer = self.refused(errors.Broken("It is logged under this request id."), request)
        seconds = time.perf_counter() - started
        status = answer.status
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

    def _run(self, request: Request) -> Answer:
        # Both before the body is read: piling up would help nobody.
        self._refuse_too_much()
        if request.has_body and "body" in self._wants:
            _refuse_other_media(request)
        request.complete()
        arguments: dict[str, object] = dict(request.path_values)
        for name, read in self._wants.items():
            arguments[name] = read(request)
        if self.is_probe:
            return self.answered(arguments, request)
        self._refuse_too_much()
        self.server.in_work += 1
        self._in_work += 1
        try:
            return self.answered(arguments, request)
        finally:
            self.server.in_work -= 1
            self._in_work -= 1

    def _refuse_too_much(self) -> None:
        if self.is_probe:
            return
        is_full = self.max_concurrent is not None and self._in_work >= self.max_concurrent
        if is_full or self.server.in_work >= self.container.settings.max_concurrent:
            raise errors.Unavailable("This process is busy; try again in a moment.")

    def answered(self, arguments: dict[str, object], request: Request) -> Answer:
        """What the method says, as it goes over the wire."""
        request_id = request.request_id
        result = self.call(arguments, request)
        if isinstance(result, Stream):
            return StreamAnswer(self.status, result, request_id)
        if self.content_type is not None:
            return Answer(self.status, self.content_type, result, request_id)
        if isinstance(result, Accepted):
            return Answer(202, JSON, codec.dumps(result), request_id)
        answer = Answer(self.status, JSON, codec.dumps(result), request_id)
        if self.location is not None:
            answer.headers.append(("Location", self.location.format_map(result)))
        return answer

    def call(self, arguments: dict[str, object], request: Request) -> Any:
        """Have a worker run the method. Raises Unavailable when the process stops meanwhile."""
        try:
            return self.container.run_worker(self, arguments, {"request_id": request.request_id})
        except ContainerBeingKilled as exc:
            raise errors.Unavailable("This process is stopping.") from exc

    def refused(self, refusal: errors.Refusal, request: Request) -> Answer:
        """A refusal, as it goes over the wire."""
        return problem(refusal, request.request_id)


def _refuse_other_media(request: Request) -> None:
    content_type = request.headers.get(b"content-type", b"")
    if content_type != b"application/json" and content_type.partition(b";")[0].strip().lower() != JSON.encode():
        raise errors.WrongMediaType(f"Send the body as {JSON}.")


def _body(request: Request) -> Any:
    """The JSON body. An absent one is None: whether that will do is the method's rule."""
    if not request.has_body:
        return None
    try:
        return codec.loads(request.body)
    except ValueError as exc:  # no UTF-8, no JSON, NaN, a number of a thousand digits
        raise errors.Malformed("The body is not valid JSON.") from exc


def _query(request: Request) -> dict[str, str]:
    """The query's parameters; of one that comes twice the first."""
    if len(request.query_string) > _MAX_QUERY:
        raise errors.Malformed(f"The query may have at most {_MAX_QUERY} characters.")
    try:
        pairs = parse_qsl(
            request.query_string, keep_blank_values=True, errors="replace", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as exc:
        raise errors.Malformed(f"The query may have at most {_MAX_PARAMETERS} parameters.") from exc
    return dict(reversed(pairs))


def _caller(request: Request) -> dict[str, str | None]:
    """Who is asking, as far as the request says; the rules in the services decide what that is worth.

    `key` is an order's secret, `token` a sign-in's ("" for what is none), `address` where the request came from.
    Who is signed in by a cookie is so for what our own pages send; of what changes nothing the sender does not
    matter, since another site cannot read the answer."""
    authorization = request.header(b"authorization")
    token = None
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
    elif b"cookie" in request.headers and (request.method in ("GET", "HEAD") or request.is_from_our_pages()):
        token = request.cookie(SESSION) or None
    key = _query(request).get("key") if request.query_string else None
    return {"key": key, "token": token, "address": request.address}


def _idempotency_key(request: Request) -> str | None:
    return request.header(b"idempotency-key")


def _after(request: Request) -> str | None:
    """The id of the last event that a stream's client has had, or of the state that its page shows."""
    return request.header(b"last-event-id") or _query(request).get("after")


READERS: dict[str, Callable[[Request], Any]] = {
    "body": _body,
    "query": _query,
    "caller": _caller,
    "idempotency_key": _idempotency_key,
    "after": _after,
}


http = HttpEntrypoint.decorator
