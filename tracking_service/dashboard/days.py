"""The two days that the dashboard shows, as the house's clocks count them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Days:
    """A day and the one before it. Moments are UTC.

    `begins` is the first moment of the day and `ends` the first of the next, so that a day on which clocks are
    changed has 23 or 25 hours. `by_then` is the moment of the day before at which clocks showed the time of now;
    for a day that is over it is `begins`.
    """

    day: date
    before_begins: datetime
    begins: datetime
    ends: datetime
    by_then: datetime


def of_now(now: datetime, zone: ZoneInfo) -> Days:
    """Today and yesterday. `now` is UTC."""
    local = now.astimezone(zone)
    yesterday = local.date() - timedelta(days=1)
    by_then = datetime.combine(yesterday, local.time(), zone)
    return _days(local.date(), zone, by_then.astimezone(UTC))


def of_day(day: date, zone: ZoneInfo) -> Days:
    """A whole day, and the one before it. Raises OverflowError for days that calendars do not reach."""
    return _days(day, zone, _begins(day, zone))


def hour_of(moment: datetime, zone: ZoneInfo) -> int:
    """The hour that the house's clocks show. When they are set back, two hours have the same number."""
    return moment.astimezone(zone).hour


def _days(day: date, zone: ZoneInfo, by_then: datetime) -> Days:
    begins = _begins(day, zone)
    before = _begins(day - timedelta(days=1), zone)
    return Days(day, before, begins, _begins(day + timedelta(days=1), zone), min(by_then, begins))


def _begins(day: date, zone: ZoneInfo) -> datetime:
    # Where clocks are set forward at midnight, this is the moment at which they are.
    return datetime.combine(day, time.min, zone).astimezone(UTC)
