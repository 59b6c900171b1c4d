"""What is sent is sent once by each channel to each receiver, whatever dies; who is slow holds up nobody."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from common.errors import Invalid, NotFound
from devstack.postgres import Postgres
from notifier_service.deliveries import claims, records
from notifier_service.deliveries.__main__ import main
from notifier_service.deliveries.channel import Delivery
from tests.support import news, parcels
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.news import publish
from tests.support.proxy import Proxy, through
from tests.support.rows import Transaction

Start = Callable[..., Process]


@pytest.fixture
def start(expedite: Expedite) -> Start:
    """Starts a notifier with the channels made for tests; each receiver takes what comes, and there is anna."""
    expedite.query(parcels.TABLES)
    receive(expedite, "anna")

    def started(**settings: Any) -> Process:
        process = expedite.start("notifier_service", module="tests.support.parcels", **settings)
        eventually(lambda: process.actions("rabbitmq_connected"))  # its queues are there
        return process

    return started


def receive(expedite: Expedite, name: str, does: str = "take", channel: str = "parcel") -> None:
    expedite.query(
        "insert into receivers values (%s, %s, %s) on conflict (channel, name) do update set does = excluded.does",
        channel,
        name,
        does,
    )


def tell(expedite: Expedite, order: int = 1, times: int = 1) -> str:
    """An order is ready, as so many messages say; gives the event's id."""
    return news.tell(expedite, f"ORD_20261122_{order:03}", times=times)


def came(expedite: Expedite, name: str = "anna", channel: str = "parcel") -> list[str]:
    rows = expedite.query(
        "select event_id::text from came where name = %s and channel = %s order by id", name, channel
    )
    return [row[0] for row in rows]


def ended(expedite: Expedite) -> list[tuple[Any, ...]]:
    return expedite.query(
        "select channel, recipient, status, attempts, error from notification_deliveries order by 1, 2, id"
    )


def is_heard(expedite: Expedite) -> bool:
    """All events have become deliveries."""
    return expedite.waiting("notifier.deliveries") == 0


def test_an_event_that_two_processes_hear_three_times_makes_one_delivery_by_each_channel(
    expedite: Expedite, start: Start
) -> None:
    receive(expedite, "bob", channel="pigeon")
    notifiers = [start(), start()]
    event_id = tell(expedite, times=3)
    eventually(lambda: [row[2] for row in ended(expedite)] == ["sent", "sent"])
    last = tell(expedite, order=2)
    eventually(lambda: came(expedite) == [event_id, last])
    eventually(lambda: came(expedite, "bob", "pigeon") == [event_id, last])
    # And every process has printed it, once.
    for notifier in notifiers:
        assert not notifier.actions("message_processing_failed")
        eventually(lambda notifier=notifier: len(notifier.actions("notification_received")) == 2)


def test_what_a_killed_process_had_in_hand_is_sent_by_another_when_its_lease_is_over(
    expedite: Expedite, start: Start
) -> None:
    receive(expedite, "anna", "hang")
    killed = start()
    event_id = tell(expedite)
    eventually(lambda: came(expedite) == [event_id])
    killed.kill()
    for name in ("anna", "bob"):
        receive(expedite, name)
    start()
    other = tell(expedite, order=2)
    # Until the lease is over the receiver has one in hand; others' go on.
    eventually(lambda: came(expedite, "bob") == [other])
    assert came(expedite) == [event_id]
    expedite.query("update notification_deliveries set leased_until = now(), next_attempt_at = now()"
                   " where leased_until is not null")  # fmt: skip
    eventually(lambda: sorted(came(expedite)) == sorted([event_id, event_id, other]))
    eventually(lambda: {row[2] for row in ended(expedite)} == {"sent"})
    assert [row[3] for row in ended(expedite)] == [2, 1, 1]


@pytest.mark.matrix
def test_who_was_believed_dead_writes_nothing_of_what_another_has_in_hand(
    expedite: Expedite, start: Start
) -> None:
    receive(expedite, "anna", "hang")
    slow = start()
    event_id = tell(expedite)
    eventually(lambda: came(expedite) == [event_id])
    with slow.frozen():
        start()
        expedite.query("update notification_deliveries set leased_until = now(), next_attempt_at = now()")
        eventually(lambda: came(expedite) == [event_id, event_id])
        receive(expedite, "anna", "gone")
        eventually(lambda: ended(expedite) == [("parcel", "anna", "failed", 2, "it is gone")])
        receive(expedite, "anna")
    eventually(lambda: slow.actions("delivery_sent"))
    assert ended(expedite) == [("parcel", "anna", "failed", 2, "it is gone")]


def test_one_slow_receiver_holds_up_neither_others_nor_another_channel_nor_the_console(
    expedite: Expedite, start: Start
) -> None:
    for name in ("dora", "emil"):
        receive(expedite, name)
    receive(expedite, "anna", "hang")
    receive(expedite, "bob", channel="pigeon")
    notifier = start()
    told = [tell(expedite, order) for order in range(1, 8)]
    for name, channel in (("dora", "parcel"), ("emil", "parcel"), ("bob", "pigeon")):
        eventually(lambda name=name, channel=channel: sorted(came(expedite, name, channel)) == sorted(told))
    eventually(lambda: len(notifier.actions("notification_received")) == 7)
    assert len(came(expedite)) == 1  # of one receiver, one is in hand
    receive(expedite, "anna")
    eventually(lambda: came(expedite) == told)


def test_what_fails_comes_again_after_growing_pauses_and_has_an_end(expedite: Expedite, start: Start) -> None:
    for name, does in (("anna", "busy"), ("gone", "gone"), ("bored", "bored"), ("odd", "odd")):
        receive(expedite, name, does)
    start(DELIVERY_PAUSES="0.05,0.1")
    tell(expedite)
    eventually(
        lambda: (
            ended(expedite)
            == [
                ("parcel", "anna", "failed", 3, "it is busy"),
                ("parcel", "bored", "dropped", 1, "it is bored"),
                ("parcel", "gone", "failed", 1, "it is gone"),
                ("parcel", "odd", "failed", 3, "a fault of ours, which is logged"),
            ]
        )
    )
    assert len(came(expedite)) == 3


@pytest.mark.matrix
def test_a_process_that_stops_ends_what_it_has_in_hand_and_takes_nothing_more(
    expedite: Expedite, start: Start
) -> None:
    receive(expedite, "anna", "hang")
    notifier = start()
    first, second = tell(expedite), tell(expedite, order=2)
    eventually(lambda: came(expedite))
    eventually(lambda: is_heard(expedite))
    notifier.popen.terminate()
    eventually(lambda: notifier.actions("graceful_shutdown"))
    receive(expedite, "anna")
    assert notifier.popen.wait(15) == 0
    assert [(row[2], row[3]) for row in ended(expedite)] == [("sent", 1), ("waiting", 0)]
    start()
    eventually(lambda: came(expedite) == [first, second])


@pytest.mark.matrix
def test_what_cannot_be_read_is_dropped_and_what_follows_is_told(expedite: Expedite, start: Start) -> None:
    notifier = start()
    for bad in (b"\xff{", "[]", '{"event_id": "no"}'):
        publish(expedite, bad)
    event_id = tell(expedite)
    eventually(lambda: came(expedite) == [event_id])
    eventually(lambda: is_heard(expedite))
    eventually(lambda: len(notifier.actions("notification_received")) == 1)


@pytest.mark.matrix
def test_while_postgresql_is_away_events_wait_and_the_console_goes_on(
    expedite: Expedite, start: Start, postgres: Postgres
) -> None:
    with contextlib.closing(Proxy(postgres.port)) as network:
        notifier = start(DATABASE_URL=through(network, expedite.database_url))
        network.cut()
        told = [tell(expedite, order) for order in range(1, 300)]  # more than it has places, and workers
        eventually(lambda: len(notifier.actions("notification_received")) == len(told), 30)
        network.heal()
        eventually(lambda: sorted(came(expedite)) == sorted(told), 60)


def test_staff_read_who_was_told_what_and_have_it_sent_again(
    expedite: Expedite, start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    receive(expedite, "anna", "gone")
    start()
    first, second = tell(expedite), tell(expedite, order=2)
    eventually(lambda: [row[2] for row in ended(expedite)] == ["failed", "failed"])
    receive(expedite, "anna")

    for name, value in expedite.environment().items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> list[dict[str, Any]]:
        assert main(arguments) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    [failed] = command("list", "--order", "ORD_20261122_002")
    assert (failed["event_id"], failed["recipient"], failed["status"]) == (second, "anna", "failed")
    assert failed["error"] == "it is gone"
    assert [each["event_id"] for each in command("list", "--status", "failed", "--limit", "1")] == [second]
    [again] = command("send-again", str(failed["id"]))
    assert (again["status"], again["sent_again"]) == ("waiting", 1)
    eventually(lambda: came(expedite) in ([first, second, second], [second, first, second]))
    with expedite.rpc() as rpc:
        page = rpc.notifier_service.list_deliveries({"recipient": "anna", "limit": 1})
        assert [each["event_id"] for each in page["items"]] == [second]
        behind = rpc.notifier_service.list_deliveries({"recipient": "anna", "limit": 1, "cursor": page["next"]})
        assert [each["event_id"] for each in behind["items"]] == [first]
        assert behind["next"] is None
        with pytest.raises(Invalid, match="status"):
            rpc.notifier_service.list_deliveries({"status": "lost"})
        with pytest.raises(NotFound):
            rpc.notifier_service.send_delivery_again(10**12)


def test_an_event_of_another_order_that_had_the_number_before_a_restore_is_not_told(
    expedite: Expedite, start: Start
) -> None:
    start()
    number, then = "ORD_20261122_001", "2026-11-22T18:00:00.000Z"
    news.log(expedite, {"order_number": number, "sequence": 50, "new_status": "ready", "timestamp": then})
    news.tell(expedite, number, sequence=50)  # at another time
    last = news.tell(expedite, number, sequence=50, timestamp=then)
    eventually(lambda: came(expedite) == [last])
    eventually(lambda: is_heard(expedite))
    assert len(ended(expedite)) == 1


def test_who_was_believed_dead_writes_nothing_of_what_was_sent_again(
    expedite: Expedite, transaction: Transaction
) -> None:
    expedite.query(
        "insert into notification_deliveries (event_id, channel, kind, recipient)"
        " values (gen_random_uuid(), 'parcel', 'x', 'anna')"
    )

    def taken() -> Delivery:
        with transaction() as session:
            [found] = claims.claim(session, "parcel", 1, 60, "")
        return found

    slow = taken()
    expedite.query("update notification_deliveries set leased_until = now(), next_attempt_at = now()")
    with transaction() as session:
        claims.end(session, taken(), "failed", "it is gone")
    with transaction() as session:
        records.send_again(session, slow.id)
    again = taken()
    # Its pauses begin anew.
    assert (again.tries, again.sent_again) == (1, 1)
    with transaction() as session:
        claims.end(session, slow, "sent", None)
    assert ended(expedite) == [("parcel", "anna", "waiting", 3, None)]
    with transaction() as session:
        claims.end(session, again, "sent", None)
    assert ended(expedite) == [("parcel", "anna", "sent", 3, None)]


def test_what_is_old_is_forgotten_and_what_waits_is_not(expedite: Expedite) -> None:
    expedite.query("""
        insert into notification_deliveries (event_id, channel, kind, recipient, status, created_at, ended_at)
        select gen_random_uuid(), 'email', 'confirm_address', n::text,
            case when n < 3 then 'waiting' else 'sent' end, now() - interval '100 days',
            case when n >= 3 then now() - make_interval(days => n) end
        from generate_series(0, 2000) n
    """)
    expedite.query("""
        insert into mail_addresses (address, asked_at, confirmed_at, wants) values
            ('asked', now() - interval '5 days', null, 'ready'), ('just asked', now(), null, 'ready'),
            ('confirmed', now() - interval '9 days', now() - interval '9 days', 'ready'),
            ('asked never again', now() - interval '9 days', null, 'nothing')
    """)
    expedite.start("notifier_service", KEEP_DELIVERIES=4)
    eventually(lambda: expedite.query("select count(*) from notification_deliveries") == [(4,)])
    eventually(
        lambda: (
            expedite.query("select address from mail_addresses order by 1")
            == [("asked never again",), ("confirmed",), ("just asked",)]
        )
    )


def test_what_waits_is_measured(expedite: Expedite, start: Start) -> None:
    receive(expedite, "anna", "hang")
    notifier = start()
    tell(expedite)
    eventually(lambda: came(expedite))
    expedite.query("update notification_deliveries set channel = 'email'")
    figures = requests.get(f"{notifier.url}/metrics", timeout=10).text
    assert 'expedite_deliveries_waiting{channel="email"} 1.0' in figures
    assert 'expedite_deliveries_waiting{channel="webhook"} 0.0' in figures
    receive(expedite, "anna")
    eventually(lambda: 'expedite_deliveries_total{channel="parcel",outcome="sent"} 1.0'
               in requests.get(f"{notifier.url}/metrics", timeout=10).text)  # fmt: skip
