"""What the house holds about a person is read out whole; and when it is erased, nothing of it is left anywhere."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import amqp
import psycopg2
import pytest
import requests

from common.errors import Invalid, LastAdmin, NotFound, StillOpen
from common.postgres.sessions import Sessions, open_sessions
from common.settings import load_config
from order_service.personal_data import erasure
from order_service.personal_data.personal_data import exported
from order_service.personal_data.whose import Whose
from order_service.settings import OrderSettings
from tests.support.eventually import eventually
from tests.support.expedite import CONFIG, PIZZA, ROOT, Expedite, an_order
from tests.support.people import NO_LIMITS, Someone, get, post, register

# What nobody else's rows have in them.
NAME, STREET, NOTE, REASON = "Zebedee Quillfeather", "77 Marzipan Lane", "call 0171 5550199", "my aunt Oglethorpe"
ALLERGY = "lupin"
ORDER = {
    "customer_name": NAME,
    "order_type": "delivery",
    "delivery_address": f"{STREET}, Upper Ashbury",
    "allergies": [ALLERGY],
    "items": [{**PIZZA, "note": NOTE}],
}


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    return running


@pytest.fixture(autouse=True)
def nobody_else(house: Expedite) -> Iterator[None]:
    """What one test leaves of its orders, another would find."""
    yield
    house.query("truncate orders, archived_orders, idempotency_keys, outbox, notification_deliveries cascade")


@pytest.fixture(scope="module")
def settings(house: Expedite) -> OrderSettings:
    config = load_config(CONFIG)
    uris = dict.fromkeys(config["DB_URIS"], house.database_url)
    return OrderSettings.of({**config, "DB_URIS": uris, "AMQP_URI": house.amqp_uri}, "order_service")


@pytest.fixture(scope="module")
def sessions(settings: OrderSettings) -> Iterator[Sessions]:
    opened = open_sessions(settings)
    yield opened
    opened._new_session.kw["bind"].dispose()


@pytest.fixture(scope="module")
def anna(house: Expedite) -> Someone:
    return register(house, "anna", "admin")


def order(house: Expedite, who: Someone | None, *steps: str, by: Someone | None = None, **changes: Any) -> str:
    """Places an order and takes it through these steps, which staff make; returns its number."""
    body = an_order(**{**ORDER, **changes})
    key = f"key of {body['customer_name']} {uuid.uuid4()}"
    headers = {**(who.headers if who else {}), "Idempotency-Key": key}
    answer = requests.post(f"{house.url('order_service')}/orders", json=body, headers=headers, timeout=15)
    assert answer.status_code == 201, answer.text
    number = str(answer.json()["order_number"])
    for step in steps:
        reason = {"reason": REASON} if step in ("cancel", "fail") else None
        assert post(house, f"/orders/{number}/{step}", reason, by).status_code == 200
    return number


def settled(house: Expedite) -> None:
    eventually(lambda: house.query("select count(*) from outbox") == [(0,)])


def dead_letter(house: Expedite, number: str) -> None:
    """Its ticket, as one that nobody could process."""
    with house.channel() as channel:
        body = json.dumps({"order_number": number, "customer_name": NAME, "delivery_address": STREET})
        channel.basic_publish(amqp.Message(body, delivery_mode=2), "", "dead_letters")
    eventually(lambda: any(number in letter for letter in letters(house)))


def letters(house: Expedite) -> list[str]:
    found = []
    with house.channel() as channel:
        while (message := channel.basic_get("dead_letters")) is not None:
            found.append(str(message.body))
    return found


def found(database_url: str, *words: str) -> dict[str, set[str]]:
    """Each of these words that stands anywhere in the database, in any column of any table, and in which."""
    places: dict[str, set[str]] = {}
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'select kv.key, kv.value::text from "{table}" t, jsonb_each(to_jsonb(t)) kv')
            for column, value in cursor.fetchall():
                for word in words:
                    if word.lower() in str(value).lower():
                        places.setdefault(word, set()).add(f"{table}.{column}")
    return places


def on_the_command_line(house: Expedite, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "order_service.personal_data", *arguments],
        cwd=ROOT,
        env=house.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_of_an_account_that_was_erased_nothing_is_left_but_what_accounting_needs(
    house: Expedite, anna: Someone, sessions: Sessions, settings: OrderSettings
) -> None:
    ada = register(house, "ada")
    zebedee = register(house, "quillfeather", "employee")  # who worked here once
    done = order(
        house, zebedee, "start", "ready", "dispatch", "complete", by=zebedee, notification_email=zebedee.email
    )
    failed = order(house, zebedee, "fail", by=anna)
    cancelled = order(house, zebedee, "cancel", by=zebedee)
    # Of somebody else, who has his address told of it, and whom he served.
    of_ada = {"customer_name": "Ada Lovelace", "delivery_address": "12 Harbour Street", "allergies": ["nuts"]}
    email = zebedee.email.upper()
    adas = order(house, ada, "start", by=zebedee, **of_ada, items=[PIZZA], notification_email=email)
    settled(house)
    dead_letter(house, failed)
    event = {"changed_by": zebedee.username, "reason": REASON}
    for channel, recipient, number, owner in (
        ("email", zebedee.email, adas, None),
        ("email", "another@quillfeather.example", done, None),
        ("email", "elsewhere@example.com", None, zebedee.id),
        ("webhook", "7", cancelled, None),
    ):
        house.query(
            "insert into notification_deliveries (event_id, channel, kind, recipient, order_number, user_id, data)"
            " values (gen_random_uuid(), %s, 'x', %s, %s, %s, %s)",
            channel, recipient, number, owner, json.dumps(event if number in (done, cancelled) else {}),
        )  # fmt: skip
    house.query("insert into mail_addresses (address) values (%s)", zebedee.email)
    words = (NAME, "quillfeather", STREET, NOTE, REASON, ALLERGY, zebedee.email)
    before = found(house.database_url, *words)
    assert set(before) == set(words)
    assert before["quillfeather"] >= {"users.username", "order_status_log.changed_by", "orders.processed_by"}
    kept = "select number, total_amount, status, placed_at, completed_at from orders order by id"
    accounts = house.query(kept)

    told = exported(sessions, settings, zebedee.email.upper())
    assert told["account"]["email"] == zebedee.email
    assert "password" not in json.dumps(told, default=str)
    assert [each["order_number"] for each in told["orders"]] == [done, failed, cancelled]
    assert told["orders"][0]["delivery_address"].startswith(STREET)
    assert told["orders"][0]["items"][0]["note"] == NOTE
    assert [step["status"] for step in told["orders"][0]["history"]][-2:] == ["out_for_delivery", "completed"]
    assert told["orders"][2]["history"][1]["reason"] == REASON
    assert len(told["idempotency_keys"]) == 3
    assert told["address_on_orders_of_others"] == [adas]
    assert told["deliveries"][0]["recipient"] == zebedee.email
    assert (len(told["deliveries"]), len(told["mail_addresses"])) == (4, 1)
    assert told["dead_letters"][0]["customer_name"] == NAME
    assert len(letters(house)) == 1

    assert json.loads(on_the_command_line(house, "export", zebedee.email).stdout)["account"]["id"] == zebedee.id
    ran = on_the_command_line(house, "erase", zebedee.email)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == {
        "account": True,
        "orders": 3,
        "address_on_orders_of_others": 1,
        "signatures_of_staff": 11,
        "letters": 2,
        "dead_letters": 1,
    }
    assert found(house.database_url, *words) == {}
    assert letters(house) == []
    assert house.query("select channel, data ->> 'changed_by' from notification_deliveries") == [
        ("webhook", "staff")
    ]
    assert house.query(kept) == accounts
    assert house.query("select sum(quantity * price) from order_items") == [(sum(row[1] for row in accounts),)]
    assert house.history(done) == ["received", "cooking", "ready", "out_for_delivery", "completed"]
    # His tokens are void, and nobody else lost anything.
    assert get(house, "/orders", zebedee).status_code == 401
    assert get(house, f"/orders/{adas}", ada).json()["customer_name"] == "Ada Lovelace"

    again = erasure.erase(sessions, settings, zebedee.id)
    assert not any(again.values())
    with pytest.raises(NotFound):
        exported(sessions, settings, zebedee.email)


def test_a_guest_is_erased_by_the_e_mail_or_the_number_of_their_orders(
    house: Expedite, anna: Someone, sessions: Sessions, settings: OrderSettings
) -> None:
    ada = register(house, "ada")
    email = "Guest.Quillfeather@example.com"
    one, two = (order(house, None, "cancel", by=anna, notification_email=email) for _ in range(2))
    other = order(house, None, "cancel", by=anna)
    link = requests.post(f"{house.url('order_service')}/orders", json=an_order(**ORDER), timeout=15).json()
    post(house, f"/orders/{link['order_number']}/cancel", None, anna)
    settled(house)

    told = exported(sessions, settings, email.lower())
    assert (told["account"], [each["order_number"] for each in told["orders"]]) == (None, [one, two])
    assert erasure.erase(sessions, settings, email)["orders"] == 2
    assert set(found(house.database_url, email)) == set()
    assert set(found(house.database_url, NAME)[NAME]) >= {"orders.customer_name"}
    for number in (other, link["order_number"]):
        assert len(exported(sessions, settings, number)["orders"]) == 1
        assert erasure.erase(sessions, settings, number)["orders"] == 1
    assert found(house.database_url, NAME, STREET, NOTE, REASON, ALLERGY, "quillfeather") == {}
    # Whoever has the link reads the status, as everybody does, and nothing else.
    assert "items" not in requests.get(house.with_key(link), timeout=15).json()
    assert get(house, "/orders", ada).status_code == 200


def test_nothing_is_erased_while_an_order_is_open_or_a_message_waits(
    house: Expedite, anna: Someone, sessions: Sessions, settings: OrderSettings
) -> None:
    bob = register(house, "bob")
    over, still = order(house, bob, "cancel", by=anna), order(house, bob)
    settled(house)
    for whose in (bob.email, bob.id, still):
        with pytest.raises(StillOpen) as refusal:
            erasure.erase(sessions, settings, whose)
        assert refusal.value.extra == {"orders": [still]}
    ran = on_the_command_line(house, "erase", str(bob.id))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[1:] == [still]
    assert len(exported(sessions, settings, bob.id)["orders"]) == 2

    post(house, f"/orders/{still}/cancel", None, anna)
    settled(house)
    house.query(
        "insert into outbox (event_id, exchange, routing_key, priority, request_id, body, retry_at) values"
        " (gen_random_uuid(), 'x', 'y', 1, 'z', %s, 'infinity')",
        json.dumps({"order_number": over, "customer_name": NAME}),
    )
    try:
        with pytest.raises(StillOpen):
            erasure.erase(sessions, settings, bob.email)
        assert exported(sessions, settings, bob.id)["messages_that_wait"][0]["body"]["customer_name"] == NAME
    finally:
        house.query("delete from outbox where routing_key = 'y'")
    assert erasure.erase(sessions, settings, bob.email)["account"]


def test_what_was_interrupted_goes_on(
    house: Expedite, anna: Someone, sessions: Sessions, settings: OrderSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleo = register(house, "cleo")
    for _ in range(5):
        order(house, cleo, "cancel", by=anna)
    settled(house)
    monkeypatch.setattr(erasure, "_BITE", 2)
    read, bites = Whose.orders, []

    def dies(self: Whose, session: Any, most: int | None = None) -> Any:
        bites.append(most)
        if len([each for each in bites if each]) == 3:
            raise KeyboardInterrupt
        return read(self, session, most)

    with monkeypatch.context() as broken:
        broken.setattr(Whose, "orders", dies)
        with pytest.raises(KeyboardInterrupt):
            erasure.erase(sessions, settings, cleo.email)
    assert len(exported(sessions, settings, cleo.email)["orders"]) == 1
    assert erasure.erase(sessions, settings, cleo.email)["orders"] == 1
    assert found(house.database_url, NAME, cleo.email) == {}


def test_the_last_admin_and_what_is_nobody_are_refused(
    house: Expedite, anna: Someone, sessions: Sessions, settings: OrderSettings
) -> None:
    with pytest.raises(LastAdmin):
        erasure.erase(sessions, settings, anna.id)
    for nobody in ("", "ada", True, None, ["x"], "a@b\nc", "9" * 19):
        with pytest.raises(Invalid):
            erasure.erase(sessions, settings, nobody)
    assert not any(erasure.erase(sessions, settings, "nobody@example.com").values())
    assert not any(erasure.erase(sessions, settings, 2**40).values())


def test_the_last_admin_who_can_sign_in_is_not_erased(
    house: Expedite, anna: Someone, sessions: Sessions, settings: OrderSettings
) -> None:
    disabled = register(house, "otto", "admin")
    house.query("update users set disabled_at = now() where id = %s", disabled.id)
    with pytest.raises(LastAdmin):
        erasure.erase(sessions, settings, anna.id)
    assert exported(sessions, settings, disabled.id)["account"]["disabled_at"] is not None
    # Who cannot act is not missed.
    assert erasure.erase(sessions, settings, disabled.id)["account"]


def test_what_strangers_have_chosen_stays(
    house: Expedite, anna: Someone, sessions: Sessions, settings: OrderSettings
) -> None:
    dora = register(house, "dora")
    confirmed, nothing, asked, twice = (
        f"{name}@example.com" for name in ("confirmed", "nothing", "asked", "twice")
    )
    strangers = [confirmed, nothing, asked, twice, anna.email]
    for address in (dora.email, *strangers):
        house.query("insert into mail_addresses (address) values (%s)", address)
    house.query("update mail_addresses set confirmed_at = now() where address = %s", confirmed)
    house.query("update mail_addresses set wants = 'nothing' where address = %s", nothing)

    def known() -> set[str]:
        return {row[0] for row in house.query("select address from mail_addresses")}

    for address in strangers:
        order(house, dora, "cancel", by=anna, notification_email=address)
    numbers = [order(house, None, "cancel", by=anna, notification_email=address.upper()) for address in strangers]
    order(house, None, "cancel", by=anna, notification_email=twice)
    settled(house)
    assert erasure.erase(sessions, settings, dora.id)["orders"] == len(strangers)
    assert known() == set(strangers)
    for number in numbers:
        assert erasure.erase(sessions, settings, number)["orders"] == 1
    # Of one that nobody else named, and of whom is known only that it was named, nothing is left.
    assert known() == {confirmed, nothing, twice, anna.email}
    house.query("delete from mail_addresses")
