"""Which server is connected to: of several hosts in an address, postgresql://…@h1:5432,h2:5432/…, the one that
takes writes.

libpq finds it where no eventlet runs, in a command say: host by host, each with its connect_timeout. Under
`nameko run` psycopg2 connects asynchronously, and there libpq has no such bound: one host whose machine is gone
would hold up every connection for minutes. So there a host has a head start, and then the next one is asked beside
it.
"""

import functools
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import eventlet
import psycopg2
from eventlet.queue import Empty, LightQueue
from psycopg2.extensions import get_wait_callback, parse_dsn

from common.observability import logs
from common.postgres.confirmed import Connection

_HEAD_START = 0.25  # seconds that a host has for itself
_WRITES = "target_session_attrs"
_last_good: dict[str, "Host"] = {}  # by address: who took writes the last time is asked first
_in_doubt: dict[str, "Host"] = {}  # by address: who is asked last


class Host(NamedTuple):
    """One of the servers that an address names."""

    host: str
    port: str


def connect(url: str, within: float, **options: Any) -> Connection:
    """A connection to the server of `url` that takes writes, after at most `within` seconds (without eventlet,
    libpq counts its connect_timeout for each host); `options` are psycopg2's. What the address itself says of
    target_session_attrs stands. With one host that one is meant, whatever it takes.

    Raises psycopg2.OperationalError, with what every host said.
    """
    hosts, is_said = _named_in(url)
    options["connection_factory"] = Connection
    if len(hosts) > 1 and not is_said:
        options[_WRITES] = "read-write"
    if len(hosts) == 1 or get_wait_callback() is None:
        with eventlet.Timeout(within, psycopg2.OperationalError("no greeting")):
            only: Connection = psycopg2.connect(url, **options)
            return only
    last_good = _last_good.get(url)
    # False comes before True.
    hosts = sorted(hosts, key=lambda host: (host == _in_doubt.get(url), host != last_good))
    found, connection = _first_that_agrees(url, hosts, within, options)
    if found == _in_doubt.get(url):  # no other takes writes
        del _in_doubt[url]
    if found != last_good:
        _last_good[url] = found
        logs.event("db_server_found", f"PostgreSQL at {found.host}:{found.port} takes writes", logging.WARNING)
    return connection


def doubt(url: str) -> None:
    """The server that was found the last time does not keep what it says: the others are asked first. A primary
    that was silent, and wakes up when its standby has been promoted, still says that it takes writes."""
    if url in _last_good:
        _in_doubt[url] = _last_good[url]


def shown(url: str) -> str:
    """The address without the account."""
    hosts, _ = _named_in(url)
    return f"{','.join(':'.join(host) for host in hosts)}/{parse_dsn(url).get('dbname', '')}"


@functools.lru_cache
def _named_in(url: str) -> tuple[Sequence[Host], bool]:
    """The hosts, and whether the address says which of them is meant."""
    said = parse_dsn(url)
    names = str(said.get("host", "")).split(",")
    ports = str(said.get("port", "")).split(",")
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        raise psycopg2.OperationalError(f"{len(names)} hosts and {len(ports)} ports")
    return [Host(name, port or "5432") for name, port in zip(names, ports, strict=True)], _WRITES in said


def _first_that_agrees(
    url: str, hosts: Sequence[Host], within: float, options: dict[str, Any]
) -> tuple[Host, Connection]:
    """Asks one more whenever one has refused, or its head start is over."""
    answers: Any = LightQueue()
    asked: list[Any] = []
    refusals: list[psycopg2.Error] = []

    def ask(host: Host) -> None:
        try:
            answers.put((host, psycopg2.connect(url, host=host.host, port=host.port, **options)))
        except psycopg2.Error as exc:
            answers.put((host, exc))

    try:
        with eventlet.Timeout(within, psycopg2.OperationalError("no server that takes writes has answered")):
            while len(refusals) < len(hosts):
                if len(asked) < len(hosts):
                    asked.append(eventlet.spawn(ask, hosts[len(asked)]))
                try:
                    host, answer = answers.get(timeout=_HEAD_START if len(asked) < len(hosts) else None)
                except Empty:
                    continue
                if isinstance(answer, Connection):
                    return host, answer
                refusals.append(answer)
        raise psycopg2.OperationalError("\n".join(map(str, refusals)))
    finally:
        for thread in asked:
            thread.kill()
        while not answers.empty():  # by who was slower
            _, answer = answers.get_nowait()
            if isinstance(answer, Connection):
                answer.close()
