"""What an answer means, and when a webhook is switched off."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier_service.webhooks.verdicts import Verdict, asked_to_wait, reason_to_switch_off, verdict

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "means"),
    [
        *((status, Verdict.TAKEN) for status in (200, 201, 202, 204, 299)),
        *(
            (status, Verdict.FAILED)
            for status in (100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503)
        ),
        (410, Verdict.GONE),
    ],
)
def test_an_answer_means(status: int, means: Verdict) -> None:
    assert verdict(status) is means


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "120", 120),
        (503, " 7 ", 7),
        (503, "Thu, 26 Nov 2026 12:01:30 GMT", 90),
        (503, "Thu, 26 Nov 2026 11:00:00 GMT", 0),
        (429, "999999999999999999999999", 4 * 3600),
        (503, "Thu, 26 Nov 2099 12:00:00 GMT", 4 * 3600),
        (500, "120", 0),
        (301, "120", 0),
        *((429, header, 0) for header in (None, "", "-5", "1.5", "soon", "\u0663", "NaN", "Thu, 99 Nov 2026")),
    ],
)
def test_a_receiver_may_ask_for_a_pause(status: int, header: str | None, seconds: float) -> None:
    assert asked_to_wait(status, header, NOW) == seconds


@pytest.mark.parametrize(
    ("failures", "days", "waiting", "is_switched_off"),
    [
        (1, 0, 1, False),
        (10, 3, 1, True),
        (9, 3, 1, False),
        (9, 30, 1, False),
        (1000, 2.9, 1, False),
        (1, 0, 10_000, False),
        (1, 0, 10_001, True),
    ],
)
def test_when_a_webhook_is_switched_off(failures: int, days: float, waiting: int, is_switched_off: bool) -> None:
    assert (reason_to_switch_off(failures, timedelta(days=days), waiting) is not None) is is_switched_off
