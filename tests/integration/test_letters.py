"""Letters about orders: they arrive once, at addresses whose owners want them, as a mail program can show them."""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from devstack.processes import free_port
from tests.support import mail_server as mails
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.mail_server import MailServer, link, plain
from tests.support.news import ORDER, deliveries, tell, want
from tests.support.people import register

ADA = "ada@example.com"
NEWS = "order_status_changed"
Start = Callable[..., Process]


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS, as on the same machine."""
    with mails.mail_server() as running:
        yield running


@pytest.fixture
def start(expedite: Expedite, server: MailServer) -> Start:
    """Starts a notifier that sends letters by it."""

    def started(**changes: Any) -> Process:
        process = expedite.start("notifier_service", **mails.settings(server, **changes))
        eventually(lambda: process.actions("rabbitmq_connected"))  # its queues are there
        return process

    return started


def test_a_letter_arrives_once_however_often_the_event_comes_and_whoever_hears_it(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    want(expedite, ADA, "every_step")
    number = ORDER.put(expedite, ADA)
    start(), start()
    event_id = str(uuid.uuid4())
    for _ in range(3):
        tell(expedite, number, "cooking", "ready", event_id=event_id)
    tell(expedite, number, "ready", "completed")
    eventually(lambda: len(server.letters) == 2)
    eventually(lambda: [row[2] for row in deliveries(expedite)] == ["sent", "sent"])
    [letter] = [each for each in server.letters if "Ready" in each["Subject"]]
    assert letter["Subject"] == f"Order {number[-3:]}: Ready for pickup"
    assert letter["To"] == ADA
    assert letter["From"] == mails.SENDER
    assert letter["Message-ID"] == f"<{event_id}.0@eat.example>"
    assert letter["Date"].datetime.tzinfo is not None
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    html = letter.get_body(("html",)).get_content()
    tracking = link(letter, f"See order {number[-3:]}")
    assert f'href="{tracking}"' in html.replace("&amp;", "&")
    assert urlsplit(tracking).path == f"/track/{number}"
    [envelope] = [each for each in server.envelopes if b"Ready" in each.content]
    assert envelope.mail_from == "orders@eat.example"
    raw = re.search(rb"^List-Unsubscribe: <(\S+)>\r\n", envelope.content, re.MULTILINE)
    assert raw is not None
    assert parse_qs(urlsplit(raw[1].decode()).query)["token"]


@pytest.mark.parametrize(
    ("security", "changes", "arrives"),
    [
        ("starttls", {}, True),
        pytest.param("tls", {}, True, marks=pytest.mark.matrix),
        pytest.param("starttls", {"SMTP_PASSWORD": "wrong"}, False, marks=pytest.mark.matrix),
        # The certificate names another host.
        pytest.param("starttls", {"SMTP_HOST": "127.0.0.1"}, False, marks=pytest.mark.matrix),
        # Nobody vouches for it.
        pytest.param("tls", {"SSL_CERT_FILE": "/dev/null"}, False, marks=pytest.mark.matrix),
        pytest.param("starttls", {"SMTP_SECURITY": "none", "SMTP_USER": ""}, False, marks=pytest.mark.matrix),
    ],
)
def test_a_letter_goes_by_tls_and_a_sign_in_or_not_at_all(
    expedite: Expedite, tmp_path: Path, security: str, changes: dict[str, str], arrives: bool
) -> None:
    certificate = mails.make_certificate(tmp_path)
    with mails.mail_server(certificate, security) as server:
        given = {
            "SMTP_SECURITY": security,
            "SMTP_USER": mails.USER,
            "SMTP_PASSWORD": mails.PASSWORD,
            "SSL_CERT_FILE": str(certificate),
            **changes,
        }
        process = expedite.start("notifier_service", **mails.settings(server, **given))
        eventually(lambda: process.actions("rabbitmq_connected"))
        want(expedite, ADA)
        tell(expedite, ORDER.put(expedite, ADA))
        # One that was tried is sent, or says why not.
        [tried] = eventually(lambda: [row for row in deliveries(expedite) if row[2] == "sent" or row[4]], 20)
        assert (tried[2] == "sent", len(server.letters)) == (arrives, int(arrives))


@pytest.mark.matrix
def test_what_a_server_says_for_ever_is_given_up_and_what_it_says_for_now_comes_again(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    server.answers |= {
        "never@example.com": "550 no such user",
        "spam@example.com": "data 554 no",
        "later@example.com": "451 come again",
        "lost@example.com": "drop",
    }
    for address in server.answers:
        want(expedite, address)
    start(DELIVERY_PAUSES="0.05,0.1")
    for address in server.answers:
        tell(expedite, ORDER.put(expedite, address))
    eventually(
        lambda: (
            deliveries(expedite)
            == [
                (NEWS, "later@example.com", "failed", 3, "the mail server does not take the address now (451)"),
                (NEWS, "lost@example.com", "failed", 3, "no mail server, or it was lost (SMTPServerDisconnected)"),
                (NEWS, "never@example.com", "failed", 1, "the mail server does not take the address (550)"),
                (NEWS, "spam@example.com", "failed", 1, "the mail server does not take the letter (554)"),
            ]
        )
    )
    # What the server had for later comes once it takes it.
    server.answers.clear()
    [(failed,)] = expedite.query("select id from notification_deliveries where recipient = 'later@example.com'")
    staff = expedite.query("select id from users")
    assert staff == []
    with expedite.rpc() as rpc:
        again = rpc.notifier_service.send_delivery_again(failed)
    assert (again["status"], again["sent_again"]) == ("waiting", 1)
    [letter] = eventually(lambda: server.to("later@example.com"))
    assert letter["Message-ID"].split("@")[0].endswith(".1")


def test_a_mail_server_that_hangs_or_is_away_holds_up_nobody(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    server.answers["slow@example.com"] = "hang"
    notifier = start()
    for address in ("slow@example.com", ADA):
        want(expedite, address)
    tell(expedite, ORDER.put(expedite, "slow@example.com"))
    eventually(lambda: server.tries)
    number = ORDER.put(expedite, ADA)
    tell(expedite, number)
    eventually(lambda: server.to(ADA))
    eventually(lambda: len(notifier.printed()) == 2)
    assert notifier.health("ready").status_code == 200
    server.answers.clear()
    eventually(lambda: server.to("slow@example.com"))


def test_nobody_is_written_to_who_has_not_said_yes_and_nobody_is_asked_again_and_again(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    start()
    for _ in range(3):
        number = ORDER.put(expedite, ADA)
        tell(expedite, number, "received", "cooking")
        tell(expedite, number)
    tell(expedite, ORDER.put(expedite, "bob@example.com"), "received", "cancelled")
    may_not_ask = ORDER.put(expedite, "cleo@example.com")
    expedite.query("update orders set may_ask = false where number = %s", may_not_ask)
    tell(expedite, may_not_ask, "received", "cooking")
    eventually(lambda: expedite.waiting("notifier.deliveries") == 0)
    [question] = eventually(lambda: server.letters)
    assert question["To"] == ADA
    assert "List-Unsubscribe" not in question
    assert "/track/" not in plain(question)
    eventually(lambda: deliveries(expedite) == [("confirm_address", ADA, "sent", 1, None)])

    # Programs that follow the links of letters change nothing.
    confirm = link(question, "Yes, write me")
    for each in (confirm, link(question, "Never ask me again")):
        assert requests.get(each, timeout=10).status_code == 200
    assert expedite.query("select confirmed_at, wants from mail_addresses") == [(None, "ready")]

    at, _, query = confirm.partition("?")
    token = parse_qs(query)["token"][0]
    form = {"token": token, "wants": "every_step"}
    assert requests.post(at, data=form, timeout=10).status_code == 403  # another site's page
    answer = requests.post(at, data=form, headers={"Sec-Fetch-Site": "same-origin"}, timeout=10)
    assert answer.status_code == 200
    assert "Thank you" in answer.text
    tell(expedite, ORDER.put(expedite, ADA), "received", "cooking")
    [_, news] = eventually(lambda: server.letters if len(server.letters) == 2 else None)
    assert "Being prepared" in news["Subject"]

    # One click in a mail program, which says nothing of where it comes from.
    one_click = re.sub("[<>]", "", news["List-Unsubscribe"])
    assert requests.get(one_click, timeout=10).status_code == 200
    # Where the number is another address's, as it may be after a restore, it is no link.
    expedite.query("update mail_addresses set address = 'eve@example.com'")
    for link_of_ada in (one_click, confirm):
        assert requests.get(link_of_ada, timeout=10).status_code == 410
    expedite.query("update mail_addresses set address = %s", ADA)
    assert expedite.query("select wants from mail_addresses") == [("every_step",)]
    answer = requests.post(one_click, data={"List-Unsubscribe": "One-Click"}, timeout=10)
    assert answer.status_code == 200
    assert expedite.query("select wants from mail_addresses") == [("nothing",)]
    tell(expedite, ORDER.put(expedite, ADA))
    eventually(lambda: expedite.waiting("notifier.deliveries") == 0)
    assert len(deliveries(expedite)) == 2


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("wants", "order_type", "told"),
    [
        ("every_step", "takeout", ["cooking", "ready", "back", "completed"]),
        ("ready", "takeout", ["ready", "back"]),
        ("ready", "delivery", ["out_for_delivery", "failed"]),
        ("nothing", "takeout", []),
    ],
)
def test_somebody_gets_what_they_chose(
    expedite: Expedite, start: Start, server: MailServer, wants: str, order_type: str, told: list[str]
) -> None:
    start()
    want(expedite, ADA, wants)
    number = ORDER.put(expedite, ADA, order_type)
    moves = {
        "cooking": ("received", "cooking"),
        "ready": ("cooking", "ready"),
        "back": ("ready", "cooking"),
        "completed": ("ready", "completed"),
    }
    if order_type == "delivery":
        moves |= {"out_for_delivery": ("ready", "out_for_delivery"), "failed": ("cooking", "failed")}
        del moves["completed"]
    ids = {name: tell(expedite, number, *move, order_type=order_type) for name, move in moves.items()}
    # What comes behind them has been heard, so they have.
    want(expedite, "last@example.com")
    tell(expedite, ORDER.put(expedite, "last@example.com"))
    eventually(lambda: server.to("last@example.com"))
    rows = expedite.query("select event_id::text from notification_deliveries where recipient = %s", ADA)
    assert {row[0] for row in rows} == {ids[name] for name in told}
    eventually(lambda: len(server.to(ADA)) == len(told))


@pytest.mark.matrix
def test_an_order_of_an_account_tells_the_accounts_address_when_it_is_confirmed(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    expedite.start("order_service")
    start()
    ada = register(expedite)
    number = ORDER.put(expedite, None, customer_id=ada.id)
    tell(expedite, number)
    browser = requests.Session()
    browser.cookies["expedite"] = ada.token
    browser.headers.update({"Accept": "text/html", "Sec-Fetch-Site": "same-origin"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    at = f"{expedite.url('notifier_service')}/notifications"
    assert "Send me the letter" in browser.get(at, timeout=10).text
    for _ in range(2):
        answer = browser.post(f"{at}/ask", headers=form, timeout=10)
        assert "We have written to this address" in answer.text
    [letter] = eventually(lambda: server.letters)
    token = parse_qs(urlsplit(link(letter, "Yes, write me")).query)["token"][0]
    browser.post(f"{at}/confirm", data={"token": token}, timeout=10).raise_for_status()
    tell(expedite, number)
    [_, news] = eventually(lambda: server.letters if len(server.letters) == 2 else None)
    assert news["To"] == ada.email


def test_who_is_signed_in_with_a_strangers_address_has_them_asked_once_a_day_and_never_who_said_so(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    expedite.start("order_service")
    start()
    ada = register(expedite)
    browser = requests.Session()
    browser.cookies["expedite"] = ada.token
    browser.headers.update({"Accept": "text/html", "Sec-Fetch-Site": "same-origin"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    at = f"{expedite.url('notifier_service')}/notifications"

    def state() -> list[tuple[object, ...]]:
        written = "(select count(*) from notification_deliveries)"
        return expedite.query(f"select wants, asked_at > now() - interval '1 hour', {written} from mail_addresses")

    for hours, is_asked, letters in ((2, False, 1), (23, False, 1), (25, True, 2)):
        browser.post(f"{at}/ask", headers=form, timeout=10).raise_for_status()
        expedite.query("update mail_addresses set asked_at = now() - make_interval(hours => %s)", hours)
        assert browser.post(f"{at}/ask", headers=form, timeout=10).status_code == 200
        assert state() == [("ready", is_asked, letters)]

    chosen = browser.post(at, data={"wants": "every_step"}, timeout=10)
    assert (chosen.status_code, "Nobody has said yes" in chosen.text) == (403, True)
    expedite.query("update mail_addresses set wants = 'nothing', asked_at = now() - interval '9 days'")
    assert browser.post(at, data={"wants": "ready"}, timeout=10).status_code == 403
    refused = browser.post(f"{at}/ask", headers=form, timeout=10)
    assert (refused.status_code, "choose a new password by letter" in refused.text) == (403, True)
    page = browser.get(at, timeout=10).text
    assert ("choose a new password by letter" in page, "/notifications/ask" in page) == (True, False)
    assert state() == [("nothing", False, 2)]

    expedite.query("update mail_addresses set confirmed_at = now()")  # as a new password by letter does
    assert "Saved." in browser.post(at, data={"wants": "every_step"}, timeout=10).text
    assert state() == [("every_step", False, 2)]


@pytest.mark.matrix
def test_a_process_that_is_killed_between_sending_and_writing_sends_the_same_message_again(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    killed = start()
    want(expedite, ADA)
    server.answers[ADA] = "late"
    event_id = tell(expedite, ORDER.put(expedite, ADA))
    eventually(lambda: server.letters)  # the server has it, and has not said so
    killed.kill()
    server.answers.clear()
    start(), start()
    tell(expedite, ORDER.put(expedite, ADA), event_id=event_id)
    expedite.query("update notification_deliveries set leased_until = now(), next_attempt_at = now()")
    first, second = eventually(lambda: server.letters if len(server.letters) == 2 else None)
    assert first["Message-ID"] == second["Message-ID"]
    eventually(lambda: deliveries(expedite) == [(NEWS, ADA, "sent", 2, None)])


@pytest.mark.matrix
def test_a_mail_server_that_is_away_is_tried_again_until_it_is_there(expedite: Expedite) -> None:
    port = free_port()
    away = MailServer(port)
    process = expedite.start("notifier_service", **mails.settings(away, DELIVERY_PAUSES=",".join(["0.1"] * 49)))
    eventually(lambda: process.actions("rabbitmq_connected"))
    want(expedite, ADA)
    tell(expedite, ORDER.put(expedite, ADA))
    eventually(lambda: process.actions("delivery_again"))
    with mails.mail_server(port=port) as server:
        [letter] = eventually(lambda: server.letters)
    assert letter["To"] == ADA
    [sent] = eventually(lambda: [row for row in deliveries(expedite) if row[2] == "sent"])
    assert sent[3] > 1
    assert sent[4] is None


@pytest.mark.matrix
def test_old_news_is_none_and_an_order_that_is_gone_has_none(
    expedite: Expedite, start: Start, server: MailServer
) -> None:
    start()
    want(expedite, ADA)
    tell(expedite, ORDER.put(expedite, ADA), timestamp="2026-01-01T00:00:00.000Z")
    eventually(lambda: deliveries(expedite) == [(NEWS, ADA, "dropped", 1, "it is old news")])
    assert server.letters == []


@pytest.mark.matrix
def test_without_a_mail_server_nothing_is_written(expedite: Expedite) -> None:
    notifier = expedite.start("notifier_service")
    eventually(lambda: notifier.actions("rabbitmq_connected"))
    want(expedite, ADA)
    tell(expedite, ORDER.put(expedite, ADA))
    tell(expedite, ORDER.put(expedite, "bob@example.com"), "received", "cooking")
    eventually(lambda: len(notifier.actions("notification_received")) == 2)
    eventually(lambda: expedite.waiting("notifier.deliveries") == 0)
    assert deliveries(expedite) == []
    assert expedite.query("select address from mail_addresses") == [(ADA,)]
