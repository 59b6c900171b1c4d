"""What reaches a receiver, and what becomes of what does not."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import mail_server
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, Process
from tests.support.hooks import deliveries, event, make, make_due, start_notifier, tell, webhook
from tests.support.mail_server import MailServer
from tests.support.people import NO_LIMITS, register
from tests.support.receiver import OK, Receiver, answer

Receive = Callable[..., Receiver]
SWITCHED_OFF = "the webhook was switched off"
#: What fails comes again when a test says so, and not while it looks.
PAUSES = "60,300"


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with mail_server.mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def notifier(running: Expedite, mails: MailServer) -> Process:
    running.start("order_service", **NO_LIMITS)
    return start_notifier(running, **mail_server.settings(mails), DELIVERY_PAUSES=PAUSES)


@pytest.fixture
def house(running: Expedite, notifier: Process) -> Iterator[Expedite]:
    yield running
    running.query("delete from webhooks")
    running.query("delete from notification_deliveries")


@pytest.fixture
def receive() -> Iterator[Receive]:
    """Starts receivers."""
    receivers: list[Receiver] = []

    def started(*answers: Any, **options: Any) -> Receiver:
        receivers.append(Receiver(*answers, **options))
        return receivers[-1]

    yield started
    for each in receivers:
        each.stop()


def statuses(house: Expedite, of: dict[str, Any]) -> list[str]:
    return [status for status, _, _ in deliveries(house, of)]


def test_an_event_is_told_signed_and_as_a_cloud_event(house: Expedite, receive: Receive) -> None:
    receiver = receive()
    made = make(house, receiver.url)
    told = event(more="than its contract has")
    tell(house, told)
    eventually(lambda: deliveries(house, made) == [("sent", 1, None)])
    [post] = receiver.posts
    assert post.id == told["event_id"]
    assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 60
    assert post.is_signed_with(made["secret"])
    assert post.headers["content-type"] == "application/cloudevents+json"
    del told["more"]
    assert post.event == {
        "specversion": "1.0",
        "id": told["event_id"],
        "source": house.url("order_service"),
        "type": "order_status_changed",
        "datacontenttype": "application/json",
        "time": told["timestamp"],
        "subject": told["order_number"],
        "dataschema": "urn:expedite:contract:order_status_changed:1",
        "data": told,
    }


def test_the_page_for_integrators_verifies_it(house: Expedite, receive: Receive) -> None:
    receiver = receive()
    made = make(house, receiver.url)
    tell(house)
    eventually(lambda: receiver.posts)
    [post] = receiver.posts
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/webhooks.md").read_text(), re.DOTALL)
    page: dict[str, Any] = {}
    exec(code, page)
    assert not page["is_from_expedite"](post.headers, post.body)
    page["SECRET"] = made["secret"]
    assert page["is_from_expedite"](post.headers, post.body)
    assert not page["is_from_expedite"](post.headers, post.body + b" ")
    late = str(int(post.headers["webhook-timestamp"]) - 301)
    assert not page["is_from_expedite"]({**post.headers, "webhook-timestamp": late}, post.body)


def test_by_tls_to_whom_the_machine_trusts(expedite: Expedite, receive: Receive, tmp_path: Path) -> None:
    for name in ("trusted", "unknown"):
        (tmp_path / name).mkdir()
    trusted, unknown = receive(folder=tmp_path / "trusted"), receive(folder=tmp_path / "unknown")
    start_notifier(expedite, SSL_CERT_FILE=trusted.certificate, DELIVERY_PAUSES=PAUSES)
    made, beside = make(expedite, trusted.url), make(expedite, unknown.url)
    tell(expedite)
    eventually(lambda: deliveries(expedite, made) == [("sent", 1, None)])
    assert trusted.asked_for == ["localhost"]
    untrusted = "its certificate is not one for its name, or not trusted"
    eventually(lambda: deliveries(expedite, beside) == [("waiting", 1, untrusted)])
    assert unknown.posts == []


def test_each_gets_what_it_has_asked_for(house: Expedite, receive: Receive) -> None:
    wanted: dict[str, dict[str, list[str]]] = {
        "all": {},
        "ready": {"new_statuses": ["ready", "failed"]},
        "takeout": {"order_types": ["takeout"]},
        "both": {"new_statuses": ["cancelled"], "order_types": ["delivery"]},
    }
    receivers = {name: receive() for name in wanted}
    made = {
        name: make(house, receivers[name].url, events={"order_status_changed": narrowed})
        for name, narrowed in wanted.items()
    }
    house.query(
        "update webhooks set switched_off_at = now() where id = %s", make(house, receivers["all"].url)["id"]
    )
    changes = [(status, kind) for status in ("ready", "cancelled") for kind in ("takeout", "delivery")]
    for status, kind in changes:
        tell(house, new_status=status, order_type=kind)
    expected = {"all": 4, "ready": 2, "takeout": 2, "both": 1}
    for name, count in expected.items():
        eventually(lambda name=name, count=count: statuses(house, made[name]) == ["sent"] * count)
        assert len(receivers[name].posts) == count
    for post in receivers["both"].posts:
        assert (post.event["data"]["new_status"], post.event["data"]["order_type"]) == ("cancelled", "delivery")


def test_two_secrets_are_good_while_one_is_rotated(house: Expedite, receive: Receive) -> None:
    receiver = receive()
    old = make(house, receiver.url)

    def told() -> Any:
        before = len(receiver.posts)
        tell(house)
        return eventually(lambda: receiver.posts[before:])[0]

    with house.rpc() as rpc:
        new = rpc.notifier_service.rotate_webhook_secret(old["id"])
        both = told()
        assert both.is_signed_with(old["secret"])
        assert both.is_signed_with(new["secret"])
        house.query("update webhooks set old_secret_ends_at = now()")
        late = told()
        assert not late.is_signed_with(old["secret"])
        newest = rpc.notifier_service.rotate_webhook_secret(old["id"])
        rpc.notifier_service.change_webhook(old["id"], {"old_secret_ends_at": None})
    ended = told()
    assert ended.is_signed_with(newest["secret"])
    assert " " not in ended.headers["webhook-signature"]


def test_what_fails_comes_again_under_the_same_id_and_holds_nothing_back(
    house: Expedite, receive: Receive
) -> None:
    receiver = receive(answer(500), OK)
    made = make(house, receiver.url)
    first = tell(house)
    eventually(lambda: deliveries(house, made) == [("waiting", 1, "it answered 500")])
    assert webhook(house, made["id"])["failing_since"]
    second = tell(house)
    eventually(lambda: statuses(house, made) == ["waiting", "sent"])
    assert webhook(house, made["id"])["failing_since"] is None
    [(pause,)] = house.query(
        "select extract(epoch from next_attempt_at - now()) from notification_deliveries where status = 'waiting'"
    )
    assert 0 < pause <= 66  # the first of DELIVERY_PAUSES, with some chance in it
    make_due(house)
    eventually(lambda: deliveries(house, made) == [("sent", 2, None), ("sent", 1, None)])
    assert receiver.ids() == [first, second, first]
    bodies = {post.body for post in receiver.posts if post.id == first}
    assert len(bodies) == 1
    assert all(post.is_signed_with(made["secret"]) for post in receiver.posts)


@pytest.mark.matrix
def test_a_redirect_is_a_failure(house: Expedite, receive: Receive) -> None:
    elsewhere = receive()
    made = make(house, receive(answer(308, Location=elsewhere.url)).url)
    tell(house)
    eventually(lambda: deliveries(house, made) == [("waiting", 1, "it answered 308, which is not followed")])
    assert elsewhere.connections == 0


def test_a_receiver_that_is_overloaded_is_left_alone(house: Expedite, receive: Receive) -> None:
    receiver = receive(answer(429, Retry_After="3600"))
    made = make(house, receiver.url)
    house.query(
        "insert into notification_deliveries (event_id, channel, kind, recipient, next_attempt_at)"
        " values (gen_random_uuid(), 'webhook', 'order_status_changed', %s, now() + interval '1 minute')",
        str(made["id"]),
    )
    tell(house)
    eventually(lambda: deliveries(house, made)[1:] == [("waiting", 1, "it answered 429")])
    waits = house.query("select extract(epoch from next_attempt_at - now()) from notification_deliveries")
    assert all(3500 < seconds <= 3600 for (seconds,) in waits)
    assert len(receiver.posts) == 1


def test_who_wants_no_more_is_switched_off_and_its_owner_is_told(
    house: Expedite, notifier: Process, receive: Receive, mails: MailServer
) -> None:
    anna = register(house, "anna", "admin")
    receiver = receive(answer(410))
    made = make(house, receiver.url)
    house.query("update webhooks set created_by = %s", anna.id)
    house.query(
        "insert into notification_deliveries (event_id, channel, kind, recipient, next_attempt_at)"
        " values (gen_random_uuid(), 'webhook', 'order_status_changed', %s, now() + interval '1 hour')",
        str(made["id"]),
    )
    tell(house)
    why = "its receiver wants no more (410)"
    eventually(lambda: deliveries(house, made) == [("dropped", 0, SWITCHED_OFF), ("failed", 1, why)])
    stands = webhook(house, made["id"])
    assert (stands["enabled"], stands["switched_off_because"]) == (False, why)
    [letter] = eventually(lambda: mails.to(anna.email))
    assert letter["Subject"] == f"Webhook {made['id']} is switched off"
    text = letter.get_body(("plain",)).get_content()
    assert "localhost" in text
    assert why in text
    assert "/hook" not in text + str(
        house.query("select data from notification_deliveries where channel = 'email'")
    )
    [line] = eventually(
        lambda: [
            each
            for each in notifier.actions("webhook_switched_off")
            if each["details"]["webhook_id"] == made["id"]
        ]
    )
    assert line["level"] == "WARNING"
    # Nothing more is sent to it, until it is switched on again.
    beside = make(house, receive().url)
    tell(house)
    eventually(lambda: statuses(house, beside) == ["sent"])  # so it was heard while the other was off
    with house.rpc() as rpc:
        rpc.notifier_service.change_webhook(made["id"], {"enabled": True})
    receiver.answers = [OK]
    last = tell(house)
    eventually(lambda: receiver.ids()[-1] == last)
    assert len(receiver.posts) == 2


def test_who_fails_for_days_is_switched_off(house: Expedite, receive: Receive) -> None:
    made = make(house, receive(answer(500)).url)
    house.query("update webhooks set failures = 8, failing_since = now() - interval '4 days'")
    tell(house)
    eventually(lambda: deliveries(house, made) == [("waiting", 1, "it answered 500")])
    assert webhook(house, made["id"])["enabled"] is True
    make_due(house)
    eventually(lambda: deliveries(house, made) == [("dropped", 2, SWITCHED_OFF)])
    assert webhook(house, made["id"])["switched_off_because"] == "nothing could be delivered for 3 days"
    assert (
        house.query("select 1 from notification_deliveries where channel = 'email'") == []
    )  # an operator made it


@pytest.mark.matrix
def test_what_was_written_while_it_was_being_switched_off_is_dropped(house: Expedite, receive: Receive) -> None:
    receiver = receive()
    made = make(house, receiver.url)
    house.query("update webhooks set switched_off_at = now()")
    gone = {"id": made["id"] + 1}
    for of in (made, gone):
        house.query(
            "insert into notification_deliveries (event_id, channel, kind, recipient)"
            " values (gen_random_uuid(), 'webhook', 'order_status_changed', %s)",
            str(of["id"]),
        )
    eventually(lambda: deliveries(house, made) == [("dropped", 1, SWITCHED_OFF)])
    eventually(lambda: deliveries(house, gone) == [("dropped", 1, "the webhook was taken away")])
    assert receiver.connections == 0


@pytest.mark.matrix
def test_old_news_is_not_sent(house: Expedite, receive: Receive) -> None:
    receiver = receive()
    made = make(house, receiver.url)
    house.query(
        "insert into notification_deliveries (event_id, channel, kind, recipient, created_at)"
        " values (gen_random_uuid(), 'webhook', 'order_status_changed', %s, now() - interval '25 hours')",
        str(made["id"]),
    )
    eventually(lambda: statuses(house, made) == ["dropped"])
    assert receiver.connections == 0


def test_a_test_is_sent_once_also_while_it_is_off(house: Expedite, receive: Receive) -> None:
    receiver = receive(OK, answer(500))
    made = make(house, receiver.url)
    with house.rpc() as rpc:
        rpc.notifier_service.change_webhook(made["id"], {"enabled": False})
        sent = rpc.notifier_service.test_webhook(made["id"])
        eventually(lambda: statuses(house, made) == ["sent"])
        [post] = receiver.posts
        assert post.is_signed_with(made["secret"])
        assert (post.id, post.event["type"], post.event["data"]) == (sent["event_id"], "test", {})
        rpc.notifier_service.test_webhook(made["id"])
    eventually(lambda: deliveries(house, made)[1:] == [("failed", 1, "it answered 500")])
    assert webhook(house, made["id"])["failing_since"] is None


def hang(connection: Any) -> None:
    """Takes the request, and answers a byte in a while, for as long as somebody listens."""
    for byte in b"HTTP/1.1 200 " + b"a" * 100_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.5)


def test_a_slow_receiver_holds_up_nobody_else(house: Expedite, receive: Receive) -> None:
    slow, fast = receive(hang), receive()
    first, second = make(house, slow.url), make(house, fast.url)
    told = [tell(house) for _ in range(5)]
    eventually(lambda: sorted(fast.ids()) == sorted(told))
    eventually(lambda: statuses(house, second) == ["sent"] * 5)
    assert slow.connections == 1
    assert statuses(house, first) == ["waiting"] * 5


@pytest.mark.matrix
def test_who_never_ends_to_answer_has_had_its_time(house: Expedite, receive: Receive) -> None:
    receiver = receive(hang, OK)
    made = make(house, receiver.url)
    tell(house)
    eventually(lambda: deliveries(house, made) == [("waiting", 1, "it did not answer in time")], 40)
    make_due(house)
    eventually(lambda: deliveries(house, made) == [("sent", 2, None)])


@pytest.mark.matrix
def test_a_receiver_that_floods_holds_up_nobody(house: Expedite, receive: Receive) -> None:
    def flood(connection: Any) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 5000)

    made = make(house, receive(flood).url)
    fast = make(house, receive().url)
    tell(house)
    eventually(lambda: deliveries(house, made) == [("waiting", 1, "it did not answer in HTTP")])
    eventually(lambda: statuses(house, fast) == ["sent"])


def test_what_a_receiver_writes_and_its_url_stand_in_no_log(
    house: Expedite, notifier: Process, receive: Receive
) -> None:
    garbled = b"HTTP/1.1 200 OK\r\nA: b\r\n: from outside\r\nfrom outside\r\n\r\n"
    garbage = b"from outside"
    made = [make(house, receive(said).url) for said in (garbled, garbage)]
    tell(house)
    eventually(lambda: [statuses(house, each) for each in made] == [["sent"], ["waiting"]])
    [(delivery,)] = house.query("select id from notification_deliveries where status = 'waiting'")
    eventually(lambda: delivery in [line["details"]["delivery"] for line in notifier.actions("delivery_again")])
    written = "\n".join(notifier.lines)
    assert "from outside" not in written
    assert "/hook" not in written


def test_a_name_that_leads_inside_is_not_called(expedite: Expedite, receive: Receive) -> None:
    """The rules are those of when it is sent, not of when it was made."""
    receiver = receive()
    lax = start_notifier(expedite)
    made = make(expedite, receiver.url)
    lax.stop()
    start_notifier(expedite, WEBHOOKS_ALLOW_PRIVATE="false")
    tell(expedite)
    inside = "its name leads to a private or local address"
    eventually(lambda: deliveries(expedite, made) == [("waiting", 1, inside)])
    assert receiver.connections == 0
