"""A message shows a letter's words and nothing else: nothing gets into its headers or its HTML."""

import uuid
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest

from notifier_service.deliveries.channel import Delivery
from notifier_service.mail.composing import message_of
from notifier_service.mail.letter import Letter, Link
from notifier_service.mail.mailboxes import NoAddress, mailbox, sender

EVENT = uuid.UUID("7f4a3a58-3f5f-4f0e-9a63-0f4c0a1c2b3d")
LONG = "https://eat.example/notifications/unsubscribe?token=" + "x" * 300


def delivery(recipient: str = "ada@example.com", sent_again: int = 0, attempt: int = 1) -> Delivery:
    return Delivery(
        id=1, event_id=EVENT, channel="email", kind="test", recipient=recipient, order_number=None, user_id=None,
        data={}, traceparent=None, attempt=attempt, tries=attempt, sent_again=sent_again,
        created_at=datetime.now(UTC),
    )  # fmt: skip


def arrived(letter: Letter, **options: Any) -> Any:
    """As the other side reads it."""
    return message_from_bytes(
        message_of(delivery(**options), letter, sender("Mario’s <orders@eat.example>")).as_bytes(),
        policy=policy.default,
    )


def test_a_headers_words_begin_no_other_header() -> None:
    letter = arrived(Letter("Order 1\r\nBcc: everybody@example.com\n\nHello", "Hello"))
    assert letter["Subject"] == "Order 1 Bcc: everybody@example.com Hello"
    assert letter["Bcc"] is None
    assert letter["From"] == "Mario’s <orders@eat.example>"


def test_words_are_text_and_never_html() -> None:
    words = '<script>alert(1)</script> & "Ada"'
    letter = arrived(Letter(words, words, (words,), Link(words, 'https://eat.example/?a=1&b="'), (words,)))
    html = letter.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;Ada&#34;" in html
    assert 'href="https://eat.example/?a=1&amp;b=&#34;"' in html
    assert words in letter.get_body(("plain",)).get_content()


def test_a_mail_program_finds_where_to_unsubscribe_however_long_that_is() -> None:
    raw = message_of(delivery(), Letter("a", "a", unsubscribe=LONG), sender("orders@eat.example")).as_bytes()
    assert f"\r\nList-Unsubscribe: <{LONG}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert "List-Unsubscribe" not in arrived(Letter("a", "a"))


def test_a_message_is_the_same_however_often_it_is_tried_and_another_when_it_is_sent_again() -> None:
    letter = Letter("a", "a")
    assert arrived(letter, attempt=1)["Message-ID"] == arrived(letter, attempt=9)["Message-ID"]
    assert arrived(letter, sent_again=1)["Message-ID"] == f"<{EVENT}.1@eat.example>"


def test_every_line_can_go_through_every_server() -> None:
    raw = message_of(
        delivery(), Letter("Grüße " * 40, "ß" * 2000, ("x" * 3000,)), sender("Mario’s <orders@eat.example>")
    ).as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_domain_is_written_as_machines_know_it() -> None:
    assert mailbox("ada@bücher.example").addr_spec == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@example.com", "ada@", "ä@example.com", "ada@example.com\r\nBcc: x@example.com",
     "ada@a\nb.example", "ada@" + "x" * 70 + ".example", "a b@exa mple.com", "ada@..", "ada\x00@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(NoAddress):
        mailbox(address)
