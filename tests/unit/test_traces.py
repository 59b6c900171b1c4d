"""What is traced, and what a trace holds."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from common.errors import NotFound, Unavailable
from common.observability import logs, traces
from common.observability.traces import Sampler
from tests.support.expedite import ROOT
from tests.support.tracing import Recorded, recording

TRACE, STEP = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
THEIRS = f"00-{TRACE}-{STEP}-01"


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


def ids(span: ReadableSpan) -> tuple[str, str, str | None]:
    """A span's trace, its own id, and that of the step that it is a part of."""
    parent = span.parent and format_span_id(span.parent.span_id)
    return format_trace_id(span.context.trace_id), format_span_id(span.context.span_id), parent


# --- how many ----------------------------------------------------------------------------------------


def takes(sampler: Sampler, now: float, is_reading: bool = False) -> bool:
    has_room = sampler.has_room(now, is_reading=is_reading)
    if has_room:
        sampler.count(now, is_reading=is_reading)
    return has_room


@given(st.integers(1, 8), st.lists(st.tuples(st.floats(0, 0.4), st.booleans()), max_size=200))
def test_no_second_has_more_than_may_begin(most: int, asked: list[tuple[float, bool]]) -> None:
    sampler, now = Sampler(most), 0.0
    began: list[tuple[float, bool]] = []
    for pause, is_reading in asked:
        now += pause
        if takes(sampler, now, is_reading):
            began.append((now, is_reading))
    for start, _ in began:
        within = [is_reading for at, is_reading in began if 0 <= at - start < 1]
        assert len(within) <= most
        assert sum(within) <= max(1, most // 2)


def test_what_comes_no_faster_than_that_is_all_traced() -> None:
    sampler = Sampler(20)
    assert all(takes(sampler, number / 19.9) for number in range(200))


def test_a_burst_in_a_quiet_house_is_all_traced() -> None:
    sampler = Sampler(20)
    assert [takes(sampler, 100.0) for _ in range(21)] == [True] * 20 + [False]


def test_who_only_reads_leaves_orders_their_half() -> None:
    sampler = Sampler(20)
    assert sum(takes(sampler, 5.0, is_reading=True) for _ in range(1000)) == 10
    assert sum(takes(sampler, 5.0) for _ in range(1000)) == 10


# --- what others send --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "theirs",
    [
        THEIRS,
        f"00-{TRACE}-{STEP}-03",  # sampled, and random
        f"00-{TRACE}-{STEP}-ff",
        f"cc-{TRACE}-{STEP}-01",  # a later version
        f"cc-{TRACE}-{STEP}-01-what-the-future-will-be-like",
    ],
)
def test_a_trace_that_somebody_began_is_gone_on_with(recorded: Recorded, theirs: str) -> None:
    with traces.serve("POST /orders", theirs, {}):
        carried = traces.traceparent()
    [span] = recorded.spans
    assert ids(span)[::2] == (TRACE, STEP)
    # What is carried on says no more than that it is traced, in the form that we know.
    assert carried is not None
    assert carried.startswith(f"00-{TRACE}-{ids(span)[1]}-0")
    assert len(carried) == 55


@pytest.mark.parametrize(
    "theirs",
    [
        None,
        "",
        "00",
        TRACE,
        f"00-{TRACE}-{STEP}",
        f"00-{TRACE}-{STEP}-1",
        f"00-{TRACE}-{STEP}-0x",
        f"00-{TRACE}-{STEP}-01-more",
        f"00-{TRACE}-{STEP}-01,00-{TRACE}-{STEP}-01",  # it came twice
        f"ff-{TRACE}-{STEP}-01",
        f"0-{TRACE}-{STEP}-01",
        f"00-{'0' * 32}-{STEP}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{STEP}-01",
        f"00-{TRACE[:-1]}-{STEP}-01",
        f"00-{TRACE[:-1]}é-{STEP}-01",
        f"00_{TRACE}_{STEP}_01",
        f"cc-{TRACE}-{STEP}-01-{'x' * 100_000}",
        "\x00" * 55,
    ],
    ids=lambda theirs: repr(theirs)[:40],
)
def test_what_is_no_traceparent_is_left_out(recorded: Recorded, theirs: str | None) -> None:
    with traces.serve("POST /orders", theirs, {}):
        pass
    [span] = recorded.spans
    assert ids(span)[0] != TRACE
    assert span.parent is None
    assert traces.trace_id_of(theirs) is None


def test_a_client_can_say_that_it_is_not_traced_but_not_that_it_is() -> None:
    with recording(per_second=2) as recorded:
        with traces.serve("POST /orders", f"00-{TRACE}-{STEP}-00", {}) as unwanted:
            assert unwanted is traces.traceparent() is None
        for _ in range(100):
            with traces.serve("POST /orders", THEIRS, {}):
                pass
    assert len(recorded.spans) == 2


# --- how steps hang together -------------------------------------------------------------------------


def test_a_step_is_a_part_of_what_its_thread_is_doing_or_of_what_was_carried(recorded: Recorded) -> None:
    with traces.serve("POST /orders", None, {}):
        with traces.span("place order"):
            carried = traces.traceparent()
        with traces.span("answer"):
            pass
    with traces.continued("process order_placed", carried, kind=traces.CONSUMER), traces.span("cook"):
        pass
    place, answer, post, cook, process = map(ids, recorded.spans)
    assert len({span[0] for span in (place, answer, post, cook, process)}) == 1
    assert (place[2], answer[2], post[2]) == (post[1], post[1], None)
    assert (process[2], cook[2]) == (place[1], process[1])


def test_of_what_is_not_traced_nothing_is_recorded_or_carried(recorded: Recorded) -> None:
    assert traces.traceparent() is None
    with traces.continued("process order_placed", None) as step, traces.span("cook") as part:
        assert step is part is traces.traceparent() is None
    for carried in ("rubbish", 7, b"00", f"00-{TRACE}-{STEP}-00"):
        with traces.continued("process order_placed", carried) as step:
            assert step is None
    with traces.batch("publish outbox", [None, None], {}) as step:
        assert step is None
    traces.note({"expedite.outcome": "done"})
    traces.note_failure(ValueError("no"))
    assert recorded.names() == []


def test_a_batch_links_to_all_that_are_traced_and_is_a_part_of_the_first(recorded: Recorded) -> None:
    other = f"00-{TRACE[::-1]}-{STEP[::-1]}-01"
    with traces.batch("publish outbox", [None, THEIRS, None, other], {}, traces.CLIENT):
        pass
    [span] = recorded.spans
    assert ids(span)[::2] == (TRACE, STEP)
    links = [(format_trace_id(link.context.trace_id), format_span_id(link.context.span_id)) for link in span.links]
    assert links == [(TRACE, STEP), (TRACE[::-1], STEP[::-1])]


def test_a_failure_is_named_and_not_quoted(recorded: Recorded) -> None:
    def fail(exc: Exception) -> None:
        with traces.serve("POST /orders", None, {}), traces.span("place order"):
            raise exc

    for exc in (ValueError("Ada Lovelace, 12 St James's Square"), Unavailable("PostgreSQL is away")):
        with pytest.raises(type(exc)):
            fail(exc)
    assert "Ada" not in "".join(span.to_json() for span in recorded.spans)
    failed = [(span.attributes["error.type"], span.status.is_ok, len(span.events)) for span in recorded.spans]
    assert failed == [("ValueError", False, 0)] * 2 + [("Unavailable", False, 0)] * 2


def test_a_refusal_for_good_reason_is_no_failure(recorded: Recorded) -> None:
    with pytest.raises(NotFound), traces.serve("GET /orders", None, {}):
        raise NotFound("There is no such order.")
    [span] = recorded.spans
    assert span.status.is_ok
    assert "error.type" not in span.attributes


def test_the_answers_status_says_whether_a_request_failed(recorded: Recorded) -> None:
    for status in (201, 404, 503):
        with traces.serve("POST /orders", None, {}):
            traces.note_status(status)
    assert [span.attributes["http.response.status_code"] for span in recorded.spans] == [201, 404, 503]
    assert [span.status.is_ok for span in recorded.spans] == [True, True, False]


def test_a_log_line_names_the_trace_that_it_belongs_to(recorded: Recorded) -> None:
    with traces.serve("POST /orders", THEIRS, {}):
        with traces.span("place order"):
            assert logs.join_trace(TRACE) == TRACE
        assert logs.join_trace(TRACE) == TRACE
    assert logs.join_trace(None) is None


# --- where nothing is traced -------------------------------------------------------------------------


def test_without_a_receiver_nothing_is_recorded() -> None:
    traces.begin("order_service", "", 20)
    assert not traces.on
    with traces.serve("POST /orders", THEIRS, {}) as step, traces.span("place order") as part:
        assert step is part is traces.traceparent() is None
    traces.end()


def test_without_a_receiver_opentelemetrys_sdk_is_not_loaded() -> None:
    program = (
        "import sys\n"
        "import order_service, kitchen_service, tracking_service, notifier_service\n"
        "import common.nameko_runtime.container\n"
        "from common.observability import traces\n"
        "traces.begin('order_service', '', 20)\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
