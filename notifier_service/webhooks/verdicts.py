"""What an answer means, and when a webhook is switched off: the rules, on plain values, as Standard Webhooks
advises."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

_MAX_RETRY_AFTER = timedelta(hours=4)  # that a receiver may ask for

_MAX_TEXT = 50  # characters of a Retry-After; a date has 29

_FAILING_FOR = timedelta(days=3)
_FAILURES = 10
_MAX_WAITING = 10_000  # deliveries of one webhook


class Verdict(Enum):
    """What a receiver's answer means."""

    TAKEN = "taken"
    GONE = "gone"  # it wants no more, for good
    FAILED = "failed"


def verdict(status: int) -> Verdict:
    """Of an answer's status. A redirect is a failure: the webhook's owner writes down the new address."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    return Verdict.GONE if status == 410 else Verdict.FAILED


def asked_to_wait(status: int, retry_after: str | None, now: datetime) -> float:
    """Seconds for which a receiver that is overloaded (429, 503) wants to be left alone, four hours at most; 0 for
    one that did not say so in a form that HTTP knows."""
    text = (retry_after or "").strip()
    if status not in (429, 503) or len(text) > _MAX_TEXT:
        return 0.0
    if text.isascii() and text.isdecimal():
        seconds = float(text)
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return 0.0
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return max(0.0, min(seconds, _MAX_RETRY_AFTER.total_seconds()))


def reason_to_switch_off(failures: int, failing_for: timedelta, waiting: int) -> str | None:
    """Why nothing more is sent to a webhook at which so many attempts in a row failed, the first of them so long
    ago, and for which so many deliveries wait; None while it is worth trying."""
    if failures >= _FAILURES and failing_for >= _FAILING_FOR:
        return f"nothing could be delivered for {_FAILING_FOR.days} days"
    if waiting > _MAX_WAITING:
        return f"more than {_MAX_WAITING} deliveries wait for it"
    return None


#: As many as have to be counted for `reason_to_switch_off`.
COUNTED_WAITING = _MAX_WAITING + 1
