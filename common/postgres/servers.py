"""Which server is connected to: of several hosts in an address, postgresql://…@h1:5432,h2:5432/…, the one that
takes writes.

libpq has this, too (target_session_attrs), and it does not do here. Under `nameko run` psycopg2 connects
asynchronously, where libpq's connect_timeout does not count: one host whose machine is gone would hold up every
connection for minutes. And libpq believes what a server says in greeting, which a pooler repeats as it heard it
long ago: a standby that was promoted would stay one.
"""

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import eventlet
import psycopg2
from eventlet.queue import Empty, LightQueue
from psycopg2.extensions import get_wait_callback, parse_dsn

from common.observability import logs
from common.postgres.confirmed import Connection

_HEAD_START = 0.25  # seconds that a host has for itself
_last_good: dict[str, "Host"] = {}  # by address: who took writes the last time is asked first
_in_doubt: dict[str, "Host"] = {}  # by address: who is asked last


class Host(NamedTuple):
    """One of the servers that an address names."""

    host: str
    port: str


def connect(url: str, within: float, **options: Any) -> Connection:
    """A connection to the server of `url` that takes writes, after at most `within` seconds (without eventlet,
    libpq counts its connect_timeout for each host); `options` are psycopg2's. With one host, or where the address
    itself says target_session_attrs, that one is meant, whatever it takes.

    Raises psycopg2.OperationalError, with what every host said.
    """
    options["connection_factory"] = Connection
    hosts, is_said = _named_in(url)
    if len(hosts) == 1 or is_said:
        with eventlet.Timeout(within, psycopg2.OperationalError("no greeting")):
            only: Connection = psycopg2.connect(url, **options)
            return only
    last_good = _last_good.get(url)
    # False comes before True.
    hosts = sorted(hosts, key=lambda host: (host == _in_doubt.get(url), host != last_good))
    ask = functools.partial(_ask, url, options)
    found, connection = _one_by_one(hosts, ask) if get_wait_callback() is None else _first(hosts, ask, within)
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
    hosts = [Host(name, port or "5432") for name, port in zip(names, ports, strict=True)]
    return hosts, "target_session_attrs" in said


def _ask(url: str, options: dict[str, Any], host: Host) -> Connection:
    """A connection to that host. Raises psycopg2.OperationalError when it takes no writes."""
    connection: Connection = psycopg2.connect(url, host=host.host, port=host.port, **options)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("show transaction_read_only")
            if cursor.fetchone() == ("on",):
                raise psycopg2.OperationalError(f"{host.host}:{host.port} takes no writes")
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise
    return connection


def _one_by_one(hosts: Sequence[Host], ask: Callable[[Host], Connection]) -> tuple[Host, Connection]:
    refusals: list[psycopg2.Error] = []
    for host in hosts:
        try:
            return host, ask(host)
        except psycopg2.Error as exc:
            refusals.append(exc)
    raise _refused(refusals)


def _first(hosts: Sequence[Host], ask: Callable[[Host], Connection], within: float) -> tuple[Host, Connection]:
    """One more is asked whenever one has refused, or its head start is over."""
    answers: Any = LightQueue()
    asked: list[Any] = []
    refusals: list[psycopg2.Error] = []

    def ask_and_tell(host: Host) -> None:
        try:
            answers.put((host, ask(host)))
        except psycopg2.Error as exc:
            answers.put((host, exc))

    try:
        with eventlet.Timeout(within, psycopg2.OperationalError("no server that takes writes has answered")):
            while len(refusals) < len(hosts):
                if len(asked) < len(hosts):
                    asked.append(eventlet.spawn(ask_and_tell, hosts[len(asked)]))
                try:
                    host, answer = answers.get(timeout=_HEAD_START if len(asked) < len(hosts) else None)
                except Empty:
                    continue
                if isinstance(answer, Connection):
                    return host, answer
                refusals.append(answer)
        raise _refused(refusals)
    finally:
        for thread in asked:
            thread.kill()
        while not answers.empty():  # by who was slower
            _, answer = answers.get_nowait()
            if isinstance(answer, Connection):
                answer.close()


def _refused(refusals: Sequence[psycopg2.Error]) -> psycopg2.OperationalError:
    return psycopg2.OperationalError("\n".join(map(str, refusals)))
