"""Traces, recorded in the test's own process."""

import contextlib
from collections.abc import Iterator, Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common.observability import traces


class Recorded:
    """The spans that have ended, in that order."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def names(self) -> list[str]:
        return [span.name for span in self.spans]


@contextlib.contextmanager
def recording(per_second: int = 1000) -> Iterator[Recorded]:
    """This process records, for the length of a block."""
    recorded = Recorded()
    traces.on = True
    traces._tracer = recorded.provider.get_tracer("test")
    traces._sampler = traces.Sampler(per_second)
    try:
        yield recorded
    finally:
        traces.on = False
