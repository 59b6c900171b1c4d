"""The dashboard as a page and as CSV. Who may not see it stands in test_roles.py."""

import csv
import html
import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg2
import pytest
import requests
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from common.postgres.sessions import DIALECT
from tests.support import people
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.histories import write_order, write_worker
from tests.support.people import Someone

HOUSE = {"TIME_ZONE": "America/Los_Angeles", "STUCK_COOKING": 600, "CURRENCY": "USD", **people.NO_LIMITS}
Write = Callable[[], AbstractContextManager[Session]]
EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def anna(running: Expedite) -> Someone:
    """An employee of a house in Los Angeles."""
    running.start("order_service", **HOUSE)
    running.start("tracking_service", **HOUSE)
    return people.register(running, "anna", "employee")


@pytest.fixture
def house(running: Expedite, anna: Someone) -> Expedite:
    """Nothing has happened in it, and its dashboard has seen so."""
    running.query("truncate orders, workers, outbox cascade")
    find(running, anna, "none yesterday.*No order has gone through a step")
    return running


@pytest.fixture
def write(house: Expedite) -> Iterator[Write]:
    """Opens sessions on its database."""
    engine = create_engine(DIALECT, creator=lambda: psycopg2.connect(house.database_url), hide_parameters=True)
    yield sessionmaker(bind=engine, class_=Session).begin
    engine.dispose()


def get(running: Expedite, path: str, who: Someone | None) -> requests.Response:
    """As a browser."""
    headers = {"Accept": "text/html,*/*;q=0.8", **({"Cookie": f"expedite={who.token}"} if who else {})}
    url = running.url("tracking_service") + path
    return requests.get(url, headers=headers, timeout=15, allow_redirects=False)


def shown(running: Expedite, who: Someone) -> str:
    """The page's text, as it is read out: without marks, and with one space where there are several."""
    answer = get(running, "/dashboard", who)
    assert answer.status_code == 200, answer.text
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", answer.text)))


def find(running: Expedite, who: Someone, pattern: str) -> str:
    """The page's text, as soon as it has that: what was read is shown for some seconds."""
    return str(eventually(lambda: found.string if (found := re.search(pattern, shown(running, who))) else None))


def sheet(running: Expedite, who: Someone, day: str) -> list[dict[str, str]]:
    answer = get(running, f"/dashboard.csv?day={day}", who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8"), newline="")))


def ago(**past: float) -> datetime:
    return datetime.now(UTC) - timedelta(**past)


def test_a_guest_signs_in_and_comes_back_a_customer_is_told(house: Expedite, anna: Someone) -> None:
    here = f"{house.url('tracking_service')}/dashboard"
    answer = get(house, "/dashboard", None)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{house.url('order_service')}/sign-in?next={quote(here, safe='')}"
    refused = get(house, "/dashboard", people.register(house, "cleo"))
    assert refused.status_code == 403
    assert "This is for staff." in refused.text
    assert 'id="part-' not in refused.text


def test_an_empty_house_says_that_it_is_and_has_no_yesterday(house: Expedite, anna: Someone) -> None:
    page = shown(house, anna)
    assert "Nothing is stuck." in page
    assert "No worker has been here for a day." in page
    assert "No orders yet today, and none yesterday." in page
    assert "No order has gone through a step yet, today or yesterday." in page


def test_figures_stand_on_the_page(house: Expedite, anna: Someone, write: Write) -> None:
    with write() as session:
        write_worker(session, "mario", "takeout")
        write_worker(session, "luigi", "delivery", seen=250)
        for _ in range(4):
            write_order(session, ago(seconds=1), total="1234.50")
        write_order(session, ago(seconds=751), ("cooking", 1), number="ORD_20261126_139")
        write_order(session, ago(seconds=220), order_type="delivery", number="ORD_20261126_151")
        write_order(session, ago(seconds=65), order_type="delivery", number="ORD_20261126_154")
        write_order(
            session, ago(minutes=20), ("failed", 5, "kitchen"), number="ORD_20261126_130",
            reason="the oven is out", tries=5, order_type="dine_in",
        )  # fmt: skip
    page = find(house, anna, r"139.*[4-8] today")
    answer = get(house, "/dashboard", anna)
    assert re.search(r"waiting ?6 ?cooking ?1 ?ready ?0 ?on the way ?0 ?stuck ?4", page)
    # Ages are those of when it was read, which may be seconds after it was written.
    assert re.search(r"151 and 154 ?No worker online takes delivery ?3:[45]\d", page)
    assert re.search(r"luigi did until [\d:]+\. Start a worker, or start them by hand on the board\.", page)
    assert re.search(
        r"139 ?Cooking longer than 10 min ?12:[345]\d ?mario has it and is online\. Ask, or move it on", page
    )
    assert re.search(r"130 ?Failed five times, set aside ?20:[0-5]\d ?Last: the oven is out ?Send again", page)
    assert f'action="{house.url("kitchen_service")}/board/ORD_20261126_130/send-again"' in answer.text
    assert "one mark is one heartbeat, 30 s" in page
    assert re.search(r"mario ?takeout ?0 today ?cooking 139", page)
    assert re.search(r"luigi ?delivery ?gone 4 min ?last seen", page)
    assert 'aria-label="12 of the last 12 heartbeats came"' in answer.text
    # Orders that were placed before the house's midnight are yesterday's.
    assert re.search(r"[4-8] today(, \d+ more than yesterday by \d\d:\d\d|\. There were none yesterday\.)", page)
    assert re.search(r"4,9[3-7]\d\.00 USD today", page)


def test_of_fewer_than_five_orders_there_is_no_p95(house: Expedite, anna: Someone, write: Write) -> None:
    with write() as session:
        for _ in range(4):
            write_order(session, ago(seconds=1), ("cooking", 96), ("ready", 372), order_type="dine_in")
    page = find(house, anna, "1:36 · –")
    assert "A dash instead of a p95: fewer than 5 orders so far." in page
    assert "There is no yesterday to compare with." in page
    assert "WaitingDine in41:36too few" in page
    with write() as session:
        write_order(session, ago(seconds=1), ("cooking", 96), ("ready", 372), order_type="dine_in")
    find(house, anna, "1:36 · 1:36")


def test_what_people_have_written_is_text(house: Expedite, anna: Someone, write: Write) -> None:
    with write() as session:
        write_worker(session, EVIL, "takeout", seen=250)
        write_worker(session, "<b>mario</b>", "dine_in")
        write_order(session, ago(seconds=1))
        write_order(session, ago(minutes=20), ("cooking", 1, EVIL))
        write_order(session, ago(minutes=20), ("cooking", 1, "<b>mario</b>"))
        write_order(session, ago(minutes=20), ("failed", 5, "kitchen"), reason=EVIL)
    find(house, anna, "Failed, set aside.*[1-4] today")
    text = get(house, "/dashboard", anna).text
    assert "<script>alert" not in text
    assert "<b>mario" not in text
    assert text.count("<bdi>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</bdi>") >= 3
    assert "<bdi>&lt;b&gt;mario&lt;/b&gt;</bdi> has it" in text


def test_a_day_as_csv(house: Expedite, anna: Someone, write: Write) -> None:
    # 10 March 2024 had 23 hours in Los Angeles: clocks went from 2:00 to 3:00.
    with write() as session:
        for moment, total in (
            ("2024-03-10 07:59", "1.00"),  # the day before
            ("2024-03-10 08:00", "2.00"),  # 0:00
            ("2024-03-10 10:30", "4.00"),  # 3:30
            ("2024-03-11 06:59", "8.00"),  # 23:59
            ("2024-03-11 07:00", "16.00"),  # the day after
        ):
            placed_at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
            write_order(session, placed_at, ("cooking", 60), ("ready", 300, "=cmd|' /C calc'!A0"), total=total)
    rows = sheet(house, anna, "2024-03-10")
    assert {(row["day"], row["time_zone"]) for row in rows} == {("2024-03-10", "America/Los_Angeles")}
    hours = {row["of"]: (row["orders"], row["sales"]) for row in rows if row["figure"] == "hour"}
    assert len(hours) == 24
    assert {hour: found for hour, found in hours.items() if found != ("0", "0.00")} == {
        "00:00": ("1", "2.00"),
        "03:00": ("1", "4.00"),
        "23:00": ("1", "8.00"),
    }
    steps = {(row["of"], row["order_type"]): row for row in rows if row["figure"] == "step"}
    assert len(steps) == 10
    waiting, on_the_way = steps["Waiting", "Takeout"], steps["On the way", "Delivery"]
    assert (waiting["orders"], waiting["median_seconds"], waiting["p95_seconds"]) == ("3", "60", "")
    assert (on_the_way["orders"], on_the_way["median_seconds"], on_the_way["p95_seconds"]) == ("0", "", "")
    [made] = [row for row in rows if row["figure"] == "made ready by"]
    assert (made["of"], made["orders"]) == ("'=cmd|' /C calc'!A0", "3")


def test_without_a_day_it_is_today_and_no_day_is_said_so(house: Expedite, anna: Someone) -> None:
    [first, *_] = csv.DictReader(io.StringIO(get(house, "/dashboard.csv", anna).text, newline=""))
    assert first["day"] in get(house, "/dashboard", anna).text
    for wrong in ("yesterday", "2026-02-30", "2026-11-26'--", "0001-01-01", "9999-12-31"):
        answer = get(house, f"/dashboard.csv?day={quote(wrong)}", anna)
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"field": "day", "message": "Must be a day, like 2026-11-26."}]


def test_who_only_knows_a_stranger_is_told_nothing(house: Expedite, anna: Someone) -> None:
    assert get(house, "/dashboard.csv", None).status_code == 401
    assert get(house, "/dashboard.csv", people.register(house, "cleo")).status_code == 403
