"""One post to a receiver: to which address it goes, whom it believes, and how little of an answer it reads."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import eventlet
import pytest

from notifier_service.webhooks import addresses, posting, resolving
from notifier_service.webhooks.posting import Answer, NotReached, Postman, Resolve
from tests.support.eventually import eventually
from tests.support.receiver import Receiver, answer

TRUSTED = ssl.create_default_context()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Receiver]:
    running = Receiver(folder=tmp_path, name="hooks.example")
    yield running
    running.stop()


def leads_to(*places: str) -> Resolve:
    """Every name leads there."""
    return lambda name, port: [ip_address(place) for place in places]


def post(receiver: Receiver, postman: Postman, url: str | None = None) -> Answer:
    return postman.post(addresses.read(url or receiver.url), {"Content-Type": "text/plain"}, b"hello")


def test_what_is_posted_arrives_under_the_name_that_it_was_sent_to(receiver: Receiver) -> None:
    postman = Postman(True, TRUSTED, leads_to("127.0.0.1"))
    assert post(receiver, postman, f"http://hooks.example:{receiver.port}/a/b?c=d") == Answer(204)
    [arrived] = receiver.posts
    assert (arrived.path, arrived.body) == ("/a/b?c=d", b"hello")
    assert arrived.headers["host"] == f"hooks.example:{receiver.port}"
    assert arrived.headers["connection"] == "close"


def test_by_tls_the_name_is_asked_for_and_its_certificate_is_checked(secure: Receiver) -> None:
    trusted = ssl.create_default_context(cafile=secure.certificate)
    assert post(secure, Postman(True, trusted, leads_to("127.0.0.1"))) == Answer(204)
    assert secure.asked_for == ["hooks.example"]
    [arrived] = secure.posts
    assert arrived.headers["host"] == f"hooks.example:{secure.port}"
    with pytest.raises(NotReached, match="certificate"):
        post(secure, Postman(True, trusted, leads_to("127.0.0.1")), f"https://other.example:{secure.port}/")
    with pytest.raises(NotReached, match="certificate"):
        post(secure, Postman(True, TRUSTED, leads_to("127.0.0.1")))
    assert len(secure.posts) == 1


@pytest.mark.parametrize(
    "place", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"]
)
@pytest.mark.parametrize("others", [(), ("8.8.8.8",)])
def test_a_name_that_leads_inside_is_not_followed(receiver: Receiver, place: str, others: tuple[str]) -> None:
    with pytest.raises(NotReached, match="private"):
        post(receiver, Postman(False, TRUSTED, leads_to(*others, place)))
    assert receiver.connections == 0


def test_the_systems_own_names_for_this_machine_are_not_followed(receiver: Receiver) -> None:
    for url in (receiver.url, receiver.url.replace("localhost", "127.0.0.1")):
        with pytest.raises(NotReached, match="private"):
            post(receiver, Postman(False, TRUSTED), url)
    assert receiver.connections == 0
    assert post(receiver, Postman(True, TRUSTED)) == Answer(204)


def test_the_address_that_was_checked_is_the_one_that_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads outside when it is checked, and inside a moment later (rebinding)."""
    outside, inside = ip_address("127.0.0.1"), ip_address("127.0.0.2")
    monkeypatch.setattr(posting, "is_public", lambda address: address == outside)
    told = iter([[outside], [inside]])
    asked: list[str] = []

    def resolve(name: str, port: int) -> list[IPv4Address | IPv6Address]:
        asked.append(name)
        return next(told)

    postman = Postman(False, TRUSTED, resolve)
    monkeypatch.setattr(socket, "getaddrinfo", _only_numbers(socket.getaddrinfo))
    assert post(receiver, postman, f"http://rebinding.example:{receiver.port}/") == Answer(204)
    assert asked == ["rebinding.example"]
    with pytest.raises(NotReached, match="private"):
        post(receiver, postman, f"http://rebinding.example:{receiver.port}/")
    assert receiver.connections == 1


def _only_numbers(look_up: Callable[..., Any]) -> Callable[..., Any]:
    def checked(host: str, *args: Any, **kwargs: Any) -> Any:
        ip_address(host)
        return look_up(host, *args, **kwargs)

    return checked


def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Receiver()
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert post(receiver, Postman(True, TRUSTED)) == Answer(204)
    assert proxy.connections == 0
    proxy.stop()


def test_the_next_address_is_tried_where_nobody_is_at_the_first(receiver: Receiver) -> None:
    assert post(receiver, Postman(True, TRUSTED, leads_to("127.0.0.3", "127.0.0.1"))) == Answer(204)
    with pytest.raises(NotReached, match="no connection"):
        post(receiver, Postman(True, TRUSTED, leads_to(*["127.0.0.3"] * 3, "127.0.0.1")))
    assert len(receiver.posts) == 1


def test_a_name_that_leads_nowhere() -> None:
    with pytest.raises(NotReached, match="no address"):
        Postman(True, TRUSTED).post(addresses.read("http://nothing.invalid/"), {}, b"")


def test_a_redirect_is_told_and_not_followed(receiver: Receiver) -> None:
    elsewhere = Receiver()
    receiver.answers = [answer(307, Location=elsewhere.url)]
    assert post(receiver, Postman(True, TRUSTED)) == Answer(307)
    assert elsewhere.connections == 0
    elsewhere.stop()


def test_retry_after_is_told(receiver: Receiver) -> None:
    receiver.answers = [answer(503, Retry_After="17")]
    assert post(receiver, Postman(True, TRUSTED)) == Answer(503, "17")


def endless(head: bytes, piece: bytes) -> Callable[[Any], None]:
    def send(connection: Any) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return send


BODY = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [
        endless(BODY, b"x" * 65536),
        endless(
            BODY.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
            b"1000\r\n" + b"x" * 4096 + b"\r\n",
        ),
        endless(BODY.replace(b"\r\n\r\n", b"\r\nContent-Length: 99999999999\r\n\r\n"), b"x" * 65536),
        endless(BODY.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"), b"\x1f\x8b" * 32768),
    ],
)
def test_a_body_without_end_is_left(receiver: Receiver, said: Callable[[Any], None]) -> None:
    receiver.answers = [said]
    assert post(receiver, Postman(True, TRUSTED)) == Answer(200)


@pytest.mark.parametrize(
    "said",
    [
        endless(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        endless(b"HTTP/1.1 200 OK\r\nA: ", b"x" * 65536),
        endless(b"HTTP/1.1 2", b"0" * 65536),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 20",
        b"",
        b"\0" * 100,
    ],
)
def test_what_is_no_answer_is_none(receiver: Receiver, said: Any) -> None:
    receiver.answers = [said]
    began = time.monotonic()
    with pytest.raises(NotReached, match=r"HTTP|time") as refused:
        post(receiver, Postman(True, TRUSTED))
    assert time.monotonic() - began < 60
    assert "SSH" not in str(refused.value)


def test_a_resolver_that_does_not_answer_has_one_thread_for_a_name_and_so_many_in_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = threading.Event()
    asked: list[str] = []

    def ask(name: str, port: int) -> list[Any]:
        asked.append(name)
        answers.wait(30)
        return [ip_address("127.0.0.1")]

    monkeypatch.setattr(resolving, "_ask_the_system", ask)
    monkeypatch.setattr(resolving, "_SECONDS", 0.1)
    monkeypatch.setattr(resolving, "_MAX_AT_ONCE", 2)
    try:
        for name, why in (("a", "in time"), ("a", "in time"), ("b", "in time"), ("c", "too many")):
            with pytest.raises(resolving.Unresolved, match=why):
                resolving.addresses_of(name, 443)
        eventually(lambda: eventlet.sleep(0) or asked == ["a", "b"])  # threads begin when they can
    finally:
        answers.set()
    monkeypatch.setattr(resolving, "_SECONDS", 30.0)
    assert resolving.addresses_of("a", 443) == [ip_address("127.0.0.1")]
    eventually(lambda: eventlet.sleep(0) or not resolving._under_way)
    assert asked == ["a", "b"]
