"""Log lines: one JSON object each, with the request that caused it, and its trace if there is one.

`event()` writes the actions of the log contract; lines of libraries come through the same formatter with
an empty action. Nothing here cleans secrets out of a message: they are never put in.
"""

import contextvars
import functools
import json
import logging
import os
import re
import socket
import sys
import time
import traceback
from typing import Any

import eventlet

from common import codec

_HOSTNAME = os.environ.get("HOSTNAME") or socket.gethostname()
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ROW_VALUES = re.compile(r"^(DETAIL|CONTEXT|LINE \d+):.*$", re.MULTILINE)
_log = logging.getLogger("expedite")
_write = eventlet.patcher.original("os").write  # eventlet's does the same with a detour

# A process is one service; the container names it when it starts.
_service_name = "expedite"

# Each greenlet has a context of its own, so a worker's request id is seen by nothing else.
_request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
_trace_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("trace_id", default=None)


def name_service(name: str) -> None:
    """Say which service this process is; every line carries it from now on."""
    global _service_name  # noqa: PLW0603  (a process is one service)
    _service_name = name


def new_request_id() -> str:
    """A request id that has not been used before."""
    return os.urandom(16).hex()


def sane_request_id(candidate: Any) -> str:
    """`candidate` if it is a usable request id (1 to 64 letters, digits, dots, hyphens), else a new one."""
    if isinstance(candidate, str) and _SANE_REQUEST_ID.fullmatch(candidate):
        return candidate
    return new_request_id()


def begin_request(request_id: str) -> None:
    """What this greenlet logs from now on was caused by `request_id`."""
    _request_id.set(request_id)


def join_trace(trace_id: str | None) -> str | None:
    """What this greenlet logs from now on belongs to that trace; returns the one of before."""
    before = _trace_id.get()
    _trace_id.set(trace_id)
    return before


def current_trace() -> str | None:
    """The trace that this greenlet logs for."""
    return _trace_id.get()


def current_request_id() -> str:
    """The id of the request that this greenlet works on; one is made where there is none."""
    request_id = _request_id.get()
    if request_id is None:
        request_id = new_request_id()
        _request_id.set(request_id)
    return request_id


def event(
    action: str, message: str, level: int = logging.INFO, error: BaseException | None = None, **details: Any
) -> None:
    """Log `message` as `action`, with its details. An ERROR carries `error`, or else the exception that is being
    handled."""
    if _log.isEnabledFor(level):
        exception = error or (sys.exc_info()[1] if level >= logging.ERROR else None)
        # As Logger.log() does, without looking for the line of code that it was called from.
        record = logging.LogRecord(
            _log.name,
            level,
            "",
            0,
            message,
            None,
            None if exception is None else (type(exception), exception, exception.__traceback__),
        )
        record.action = action
        record.details = details
        _log.handle(record)


class StdoutHandler(logging.Handler):
    """Writes each line with one system call. Two lines a request make the standard library's handler, with its
    lock and its two layers of buffers, a tenth of what a request costs."""

    def __init__(self) -> None:
        super().__init__()
        # No line shows them, and every record would look them up.
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

    def createLock(self) -> None:  # noqa: N802  (logging's name)
        """None is needed: nothing in emit() gives way to another greenlet."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """As the standard library does, without the lock, which Python 3.13 enters even if it is None."""
        accepted = self.filter(record)  # from Python 3.12 on it may be another record
        if accepted:
            self.emit(accepted if isinstance(accepted, logging.LogRecord) else record)
        return bool(accepted)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode() + b"\n"
            while line:
                line = line[_write(sys.stdout.fileno(), line) :]
        except Exception:
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """One line of JSON: timestamp (UTC, ms), level, service, hostname, request_id, action, message,
    details, for what is traced trace_id, and for errors error {msg, stack}."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": f"{_to_the_second(int(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "service": _service_name,
            "hostname": _HOSTNAME,
            "request_id": _request_id.get(),
            "action": getattr(record, "action", None),
            "message": record.getMessage(),
            "details": getattr(record, "details", None) or {"logger": record.name},
        }
        trace_id = _trace_id.get()
        if trace_id is not None:
            line["trace_id"] = trace_id
        if record.exc_info and record.exc_info[1] is not None:
            exception = record.exc_info[1]
            line["error"] = {
                "msg": _without_row_values(f"{type(exception).__name__}: {exception}"),
                "stack": _without_row_values("".join(traceback.format_exception(exception))),
            }
        try:
            return codec.dumps(line).decode()
        except TypeError:
            return _escaped(line)


@functools.lru_cache(maxsize=2)
def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _escaped(line: dict[str, object]) -> str:
    """A line with something in it that has no JSON form, or is no valid text: better than none."""
    try:
        return json.dumps(line, default=str)
    except Exception:
        return json.dumps({**line, "details": "(cannot be shown)"})


def _without_row_values(text: str) -> str:
    """PostgreSQL quotes the offending row, document or statement, which may hold a name or an address."""
    return _ROW_VALUES.sub(r"\1: (not logged)", text)
