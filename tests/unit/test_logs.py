"""What a log line holds."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from common.observability import logs


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What `logs.event` writes, formatted and read back."""
    written: list[dict[str, Any]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = self.format(record)
            assert "\n" not in text
            written.append(json.loads(text))

    handler = Kept()
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("expedite")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(before)


def formatted(**fields: Any) -> dict[str, Any]:
    record = logging.makeLogRecord({"name": "x", "levelno": logging.INFO, "levelname": "INFO", **fields})
    return json.loads(logs.JsonFormatter().format(record))


def test_a_line_has_its_fields(lines: list[dict[str, Any]]) -> None:
    logs.begin_request("till-7")
    logs.event(
        "order_received", "ORD_20261122_001 was placed", total=Decimal("31.5"), at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    [line] = lines
    assert set(line) == {
        "timestamp",
        "level",
        "service",
        "hostname",
        "request_id",
        "action",
        "message",
        "details",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
    assert line["level"] == "INFO"
    assert line["hostname"]
    assert line["request_id"] == "till-7"
    assert line["action"] == "order_received"
    assert line["message"] == "ORD_20261122_001 was placed"
    assert line["details"] == {"total": 31.5, "at": "2026-01-01T00:00:00.000Z"}


def test_the_time_is_that_of_the_record_in_utc() -> None:
    assert formatted(created=1_795_372_200.25, msecs=250.9)["timestamp"] == "2026-11-22T18:30:00.250Z"


def test_a_librarys_line_has_no_action_and_names_its_logger() -> None:
    line = formatted(name="kombu.mixins", msg="Connected to %s", args=("somewhere",))
    assert (line["action"], line["message"]) == (None, "Connected to somewhere")
    assert line["details"] == {"logger": "kombu.mixins"}


def test_an_error_carries_its_exception(lines: list[dict[str, Any]]) -> None:
    try:
        raise KeyError("the oven")
    except KeyError:
        logs.event("request_failed", "it broke", logging.ERROR)
    [line] = lines
    assert line["error"]["msg"] == "KeyError: 'the oven'"
    assert "Traceback" in line["error"]["stack"]
    assert "test_logs.py" in line["error"]["stack"]


def test_an_error_that_was_caught_elsewhere_is_carried_too(lines: list[dict[str, Any]]) -> None:
    logs.event("request_failed", "it broke", logging.ERROR, error=KeyError("the oven"))
    assert [line["error"]["msg"] for line in lines] == ["KeyError: 'the oven'"]


def test_an_error_outside_an_exception_has_none(lines: list[dict[str, Any]]) -> None:
    logs.event("worker_registration_failed", "the name is taken", logging.ERROR)
    assert [line.get("error") for line in lines] == [None]


def test_below_its_level_nothing_is_written(lines: list[dict[str, Any]]) -> None:
    logs.event("heartbeat_sent", "chef_mario", logging.DEBUG)
    assert lines == []


@pytest.mark.parametrize("message", ["a\nb", 'a "quoted" % d', "100 %", "\x1b[2J", "\ud800", "王 👩"])
def test_any_message_is_one_line(message: str) -> None:
    line = logs.JsonFormatter().format(logging.makeLogRecord({"msg": message, "levelname": "INFO"}))
    assert "\n" not in line
    assert json.loads(line)["message"] == message


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "detail",
    [
        object(),
        {1, 2},
        b"\xff",
        "\ud800",
        {1: 2},
        {("a", 1): 2},
        2**100,
        Decimal("NaN"),
        float("inf"),
        Unprintable(),
        CIRCLE,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_detail_without_a_json_form_does_not_cost_the_line(lines: list[dict[str, Any]], detail: Any) -> None:
    logs.event("order_received", "still here", detail=detail, order_number="ORD_20261122_001")
    assert [line["message"] for line in lines] == ["still here"]
    assert lines[0]["action"] == "order_received"


ROW = "(1, ORD_20261122_001, Ada Lovelace, 12 Harbour Street)"


@pytest.mark.parametrize(
    "quoted",
    [
        f"DETAIL:  Failing row contains {ROW}.",
        "DETAIL:  Key (email)=(Ada Lovelace, 12 Harbour Street) already exists.",
        'CONTEXT:  JSON data, line 1: [{"customer_name": "Ada Lovelace", "delivery_address": "12 Harbour Street"',
        'LINE 1: select \'[{"customer_name": "Ada Lovelace, 12 Harbour Street"}]\'::jsonb',
    ],
)
def test_what_postgresql_quotes_of_a_row_is_not_logged(lines: list[dict[str, Any]], quoted: str) -> None:
    try:
        raise ValueError(f"new row violates a constraint\n{quoted}\nHINT:  Look again.")
    except ValueError:
        logs.event("db_query_failed", "PostgreSQL refused", logging.ERROR)
    text = json.dumps(lines)
    assert "violates a constraint" in text
    assert "Look again" in text
    assert "Ada" not in text
    assert "Harbour" not in text


@pytest.mark.parametrize("candidate", ["a", "4c1d-2b_7e.9f", "x" * 64])
def test_a_sane_request_id_is_kept(candidate: str) -> None:
    assert logs.sane_request_id(candidate) == candidate


@pytest.mark.parametrize(
    "candidate",
    [None, "", " ", "x" * 65, "a b", "a\nb", "a\r\nSet-Cookie: x", "a;b", "é", "a\n", 5, True, b"x", ["a"]],
)
def test_any_other_is_replaced_by_a_new_one(candidate: Any) -> None:
    made = logs.sane_request_id(candidate)
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert made != logs.sane_request_id(candidate)


def test_the_handler_needs_no_lock_and_asks_its_filters(capfd: pytest.CaptureFixture[str]) -> None:
    handler = logs.StdoutHandler()
    handler.setFormatter(logs.JsonFormatter())
    handler.addFilter(lambda record: record.getMessage() != "not this one")
    for message in ("this one", "not this one"):
        handler.handle(logging.makeLogRecord({"msg": message, "levelname": "INFO"}))
    [line] = capfd.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "this one"
