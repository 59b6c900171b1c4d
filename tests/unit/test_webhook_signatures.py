"""What a webhook is signed with, held against the specification's own example."""

import base64
import dataclasses
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from common import codec
from common.orders.messages import StatusChanged
from notifier_service.deliveries.channel import Delivery
from notifier_service.webhooks import cloud_events, signatures
from tests.support.expedite import ROOT
from tests.support.receiver import Post

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def test_the_example_of_standard_webhooks() -> None:
    """Of its libraries' tests (libraries/go/webhook_test.go, and the others)."""
    signed = signatures.signature([key(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_with_two_secrets_there_are_two_signatures() -> None:
    old, new = signatures.new_secret(), signatures.new_secret()
    signed = signatures.signature([new, old], "one", 7, BODY)
    post = Post("/", {"webhook-id": "one", "webhook-timestamp": "7", "webhook-signature": signed}, BODY)
    assert len(signed.split(" ")) == 2
    assert post.is_signed_with(signatures.written(old))
    assert post.is_signed_with(signatures.written(new))
    assert not post.is_signed_with(signatures.written(signatures.new_secret()))


def test_id_time_and_body_are_signed() -> None:
    one = {signatures.signature([key(SECRET)], *of) for of in (("a", 7, b"x"), ("b", 7, b"x"), ("a", 8, b"x"))}
    assert len(one | {signatures.signature([key(SECRET)], "a", 7, b"y")}) == 4


def test_a_secret_is_long_random_and_written_as_the_specification_has_it() -> None:
    made = {signatures.new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert 24 <= len(secret) <= 64
        assert signatures.written(secret).startswith("whsec_")
        assert key(signatures.written(secret)) == secret


def test_the_example_of_the_page_for_integrators(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/webhooks.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [example] = re.findall(r"```\nPOST (.*?)\n```", text, re.DOTALL)
    head, _, body = example.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    page: dict[str, Any] = {}
    exec(code, page)
    now = int(headers["webhook-timestamp"])
    for seconds, is_good in ((0, True), (299, True), (301, False), (-301, False)):
        monkeypatch.setattr("time.time", lambda seconds=seconds: now + seconds)
        assert page["is_from_expedite"](headers, body.encode()) is is_good
    monkeypatch.undo()
    change = StatusChanged.read(codec.loads(body)["data"])
    sent = Delivery(
        1, uuid.UUID(headers["webhook-id"]), "webhook", change.event, "1", change.order_number, None,
        dataclasses.asdict(change), None, 1, 1, 0, datetime.now(UTC),
    )  # fmt: skip
    assert cloud_events.body_of(sent, "https://orders.example.com").decode() == body
