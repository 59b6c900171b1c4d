"""A receiver of traces for a machine that has none: prints each trace as what came of what, and how long it took.

    python -m devstack.traces                    # and start Expedite with OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
    python -m devstack.traces --slower-than 0.5  # only traces with a step that took longer, in seconds

It keeps nothing. For days and searches there are Jaeger, Tempo and others, which take the same (OTLP over HTTP).
"""

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

PORT = 4318  # OTLP over HTTP has it
_QUIET = 3.0  # seconds without a new span after which a trace is printed: processes send once a second
_MAX_TRACES = 1000  # that are waited for; of more the oldest are printed as they are
_MAX_BODY = 16 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Span:
    """A step. Ids are in hexadecimal, that of no parent is empty; `start` and `end` are nanoseconds since 1970."""

    service: str
    name: str
    kind: str
    trace_id: str
    id: str
    parent_id: str
    links: tuple[tuple[str, str], ...]  # trace and span
    start: int
    end: int
    is_error: bool
    attributes: dict[str, Any]
    resource: dict[str, Any] = field(repr=False)

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1e9


def spans_of(body: bytes) -> Iterator[Span]:
    """What a request of an exporter brings."""
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Span(
                    service=str(resource.get("service.name")),
                    name=span.name,
                    kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace_id=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                    attributes=_values(span.attributes),
                    resource=resource,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in attributes}


class Receiver(ThreadingHTTPServer):
    """Gives each request's body to `take`, in a thread of its own, and answers with the status that it returns."""

    daemon_threads = True

    def __init__(self, port: int, take: Callable[[bytes], int]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                status = 404
                if self.path == "/v1/traces":
                    status = take(self.rfile.read(length)) if length <= _MAX_BODY else 413
                with contextlib.suppress(OSError):  # who asked may have gone
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: it prints traces."""

        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that ends may cut a connection off."""

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Waiting:
    """Spans, by trace, until no more come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: dict[str, tuple[float, list[Span]]] = {}

    def take(self, body: bytes) -> int:
        with self._lock:
            for span in spans_of(body):
                _, spans = self._traces.pop(span.trace_id, (0.0, []))
                self._traces[span.trace_id] = time.monotonic(), [*spans, span]
        return 200

    def complete(self) -> list[list[Span]]:
        """Those that nothing was added to for a while."""
        quiet = time.monotonic() - _QUIET
        with self._lock:
            over = [trace_id for trace_id, (at, _) in self._traces.items() if at < quiet]
            over += list(self._traces)[: max(0, len(self._traces) - _MAX_TRACES)]
            return [self._traces.pop(trace_id)[1] for trace_id in dict.fromkeys(over)]


def shown(spans: Sequence[Span]) -> str:
    """A trace in lines: when each step began, how long it took (both in seconds), in which service, and under what
    it came of."""
    spans = sorted(spans, key=lambda span: span.start)
    ids, first = {span.id for span in spans}, spans[0]
    lines = [f"trace {first.trace_id}"]

    def show(span: Span, depth: int) -> None:
        notes = [str(value) for name, value in span.attributes.items() if name in _NOTED]
        began, at = (span.start - first.start) / 1e9, "  " * depth
        error = " FAILED" if span.is_error else ""
        lines.append(
            f"{began:9.3f} {span.seconds:8.3f}  {span.service:17} {at}{' '.join([span.name, *notes])}{error}"
        )
        for part in spans:
            if part.parent_id == span.id:
                show(part, depth + 1)

    for span in spans:
        if span.parent_id not in ids:
            show(span, 0)
    # Whoever can reach the port can send something that would move the terminal's cursor.
    return "\n".join("".join(char if char.isprintable() else "?" for char in line) for line in lines)


_NOTED = ("http.response.status_code", "expedite.order_number", "expedite.outcome", "expedite.topic", "error.type")


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack.traces", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--slower-than", type=float, default=0.0, metavar="SECONDS", help="of any of its steps")
    given = parser.parse_args()
    waiting = Waiting()
    with contextlib.suppress(KeyboardInterrupt):
        receiver = Receiver(given.port, waiting.take)
        receiver.start()
        print(f"traces are taken at {receiver.url}", file=sys.stderr)
        while True:
            time.sleep(0.5)
            for spans in waiting.complete():
                if any(span.seconds >= given.slower_than for span in spans):
                    print(shown(spans), end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
