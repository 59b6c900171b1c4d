"""Traces: the steps that an order takes, in which process, and for how long. Only this module knows OpenTelemetry.

A trace begins where somebody outside asks for something: `serve()`. What that causes is a part of it: `span()` in
the same thread, and `continued()` wherever its `traceparent()` was carried to, by a message's header or a row of a
table. What is done at once for many is one `batch()`, which links to all of them.

    with traces.serve("POST /orders", request.header(b"traceparent"), {"http.route": "/orders"}):
        with traces.span("place order"):
            row["traceparent"] = traces.traceparent()
    ...
    with traces.continued("process order_placed", row["traceparent"], kind=traces.CONSUMER):
        ...

Whether something is traced is decided once, where it begins, by the `Sampler`. Of what is not, nothing is
recorded or carried: `traceparent()` is None, and what continues from None does nothing. So it is for everything in
a process that has nowhere to send traces to, which loads nothing of OpenTelemetry but the names below.

Names and attributes are those of OpenTelemetry's semantic conventions; ours begin with `expedite.`. None holds
what somebody typed, a path, a query, or what an exception says: there are names, addresses and keys in them.
"""

import contextlib
import logging
import os
import socket
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import eventlet
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.errors import Refusal
from common.observability import logs

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

INTERNAL, CLIENT, CONSUMER, _SERVER = SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.CONSUMER, SpanKind.SERVER
POSTGRESQL = {"db.system.name": "postgresql"}
RABBITMQ = {"messaging.system": "rabbitmq"}
HEADER = "traceparent"  # of requests, answers and messages: W3C Trace Context

MAX_WAITING = 2048  # spans that wait to be sent; of more the oldest are lost
_BATCH = 64  # spans in one request: encoding them takes milliseconds, in which the process does nothing else
_MAX_LINKS = 500  # of a batch: as many as the relay publishes at once
_SEND_EVERY = 1.0  # seconds
_SEND_TIMEOUT = 5.0  # seconds for a request, and for trying it again
_END_TIMEOUT = 3.0  # seconds that what is left may take when the process stops
_MAX_TRACEPARENT = 128  # characters; today it has 55, and later versions may have more

Attributes = Mapping[str, str | int]
#: A step, for the length of a `with`; None where it is not traced.
Step = contextlib.AbstractContextManager[Span | None]

#: True in a process that records traces.
on = False

_NOTHING: Step = contextlib.nullcontext()
_w3c = TraceContextTextMapPropagator()
_tracer: Tracer
_sampler: "Sampler"
_sending: "_Sending"
_provider: "TracerProvider"


class Sampler:
    """Has at most `most` traces begin in any second, and half as many for who only reads, so that people who look
    at pages leave orders theirs. Whoever asks has no say in it."""

    def __init__(self, most: int) -> None:
        self._latest = deque([float("-inf")] * most, most)
        self._latest_reading = deque([float("-inf")] * max(1, most // 2), max(1, most // 2))

    def has_room(self, now: float, *, is_reading: bool) -> bool:
        """Whether one more may begin at `now` (s, of a clock that never goes back)."""
        return now - self._latest[0] >= 1.0 and not (is_reading and now - self._latest_reading[0] < 1.0)

    def count(self, now: float, *, is_reading: bool) -> None:
        """One begins."""
        self._latest.append(now)
        if is_reading:
            self._latest_reading.append(now)


# --- a process ---------------------------------------------------------------------------------------------------


def begin(service_name: str, endpoint: str, per_second: int) -> None:
    """Record from now on, at most so many new traces a second, and send them to the receiver of OTLP over HTTP at
    `endpoint`; where that is empty, do nothing. Once for each process."""
    global on, _tracer, _sampler, _sending, _provider  # noqa: PLW0603  (a process is one service)
    if not endpoint:
        return
    # Only here: together they take a quarter of a second and five megabytes.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415

    _sending = _Sending(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_TIMEOUT))
    resource = Resource.create(
        {
            "service.namespace": "expedite",
            "service.name": service_name,
            "service.instance.id": str(uuid.uuid4()),
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
        }
    )
    _provider = TracerProvider(
        ALWAYS_ON,  # of what our own lets through
        resource,
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_links=_MAX_LINKS),
    )
    # Its thread is a green one, and waits as those do.
    _provider.add_span_processor(
        BatchSpanProcessor(
            _sending,  # type: ignore[arg-type]  # as good as a SpanExporter, whose class is not loaded above
            max_queue_size=MAX_WAITING,
            schedule_delay_millis=_SEND_EVERY * 1000,
            max_export_batch_size=_BATCH,
        )
    )
    _tracer = _provider.get_tracer("expedite")
    _sampler = Sampler(per_second)
    on = True


def end() -> None:
    """Record no more, and send what is left: for three seconds at most, and not to a receiver that is away."""
    global on  # noqa: PLW0603
    if on:
        on = False
        if not _sending.is_failing:
            with eventlet.Timeout(_END_TIMEOUT, False):
                _provider.shutdown()


class _Sending:
    """An exporter that says once that its receiver fails, and once that it is back."""

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter
        self.is_failing = False
        self.shutdown = exporter.shutdown
        self.force_flush = exporter.force_flush

    def export(self, spans: Sequence[Any]) -> Any:
        result = self._exporter.export(spans)
        is_failing = result.name != "SUCCESS"
        if is_failing and not self.is_failing:
            logs.event(
                "traces_not_sent", "the receiver of traces does not take them; they are lost", logging.WARNING
            )
        elif self.is_failing and not is_failing:
            logs.event("traces_sent", "the receiver of traces takes them again")
        self.is_failing = is_failing
        return result


# --- steps -------------------------------------------------------------------------------------------------------


def serve(name: str, theirs: str | None, attributes: Attributes, *, is_reading: bool = False) -> Step:
    """What somebody outside asks for. It begins a trace, or is a part of the one that `theirs` names, the
    traceparent that they sent; unless the sampler, or they themselves, say that it is not traced."""
    if not on:
        return _NOTHING
    now = time.monotonic()
    if not _sampler.has_room(now, is_reading=is_reading):  # first: it costs least
        return _NOTHING
    parent = _span_of(theirs)
    if parent is not None and not _is_traced(parent):
        return _NOTHING
    _sampler.count(now, is_reading=is_reading)
    return _recorded(name, _SERVER, parent, attributes)


def span(name: str, attributes: Attributes | None = None, kind: SpanKind = INTERNAL) -> Step:
    """A part of what this thread is doing."""
    if not _is_in_trace():
        return _NOTHING
    parent = trace.get_current_span()
    return _recorded(name, kind, parent.get_span_context(), attributes) if parent.is_recording() else _NOTHING


def continued(name: str, carried: object, attributes: Attributes | None = None, kind: SpanKind = INTERNAL) -> Step:
    """What comes of the step with the traceparent `carried`, which is one of our own tables or messages, or None.
    What others send is for `serve()`."""
    if not on:
        return _NOTHING
    parent = _span_of(carried)
    return _recorded(name, kind, parent, attributes) if _is_traced(parent) else _NOTHING


def batch(name: str, carried: Iterable[object], attributes: Attributes, kind: SpanKind = CLIENT) -> Step:
    """What is done at once for all the steps with these traceparents. It links to each, and is a part of the first
    one's trace: so what is done for a single one stands where it belongs."""
    if not on:
        return _NOTHING
    steps = [step for each in carried if _is_traced(step := _span_of(each))]
    return _recorded(name, kind, steps[0], attributes, [Link(step) for step in steps]) if steps else _NOTHING


# --- the step that this thread is in -----------------------------------------------------------------------------


def traceparent() -> str | None:
    """It, to be carried to what comes of it; None where it is not traced."""
    if not _is_in_trace():
        return None
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get(HEADER)


def note(attributes: Attributes) -> None:
    """What has come to be known of it."""
    if _is_in_trace():
        trace.get_current_span().set_attributes(attributes)


def note_status(status: int) -> None:
    """It is a request, and was answered so."""
    if on:
        note({"http.response.status_code": status})
        if status >= 500:
            _fail(trace.get_current_span(), str(status))


def note_failure(exc: BaseException) -> None:
    """It has failed; a refusal for good reason is none."""
    if on and (not isinstance(exc, Refusal) or exc.status >= 500):
        _fail(trace.get_current_span(), type(exc).__qualname__)


def trace_id_of(carried: object) -> str | None:
    """The trace that a traceparent belongs to, as log lines name it."""
    step = _span_of(carried)
    return None if step is None else trace.format_trace_id(step.trace_id)


def _is_in_trace() -> bool:
    """False at once for most of a storm; true also where lines are logged for a trace, in no step of it."""
    return on and logs.current_trace() is not None


def _fail(current: Span, error_type: str) -> None:
    current.set_attribute("error.type", error_type)
    current.set_status(StatusCode.ERROR)


@contextlib.contextmanager
def _recorded(
    name: str,
    kind: SpanKind,
    parent: SpanContext | None,
    attributes: Attributes | None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    context = Context()
    if parent is not None:
        context = trace.set_span_in_context(trace.NonRecordingSpan(parent), context)
    recorded = _tracer.start_span(name, context, kind, attributes, links)
    before = logs.join_trace(trace.format_trace_id(recorded.get_span_context().trace_id))
    try:
        # The library would record what an exception says.
        with trace.use_span(recorded, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield recorded
            except BaseException as exc:
                note_failure(exc)
                raise
    finally:
        logs.join_trace(before)


def _is_traced(step: SpanContext | None) -> TypeGuard[SpanContext]:
    return step is not None and step.trace_flags.sampled


def _span_of(traceparent: object) -> SpanContext | None:
    """The span that a traceparent names; None for what is none."""
    if not isinstance(traceparent, str) or len(traceparent) > _MAX_TRACEPARENT:
        return None
    found = trace.get_current_span(_w3c.extract({HEADER: traceparent}, Context())).get_span_context()
    return found if found.is_valid else None
