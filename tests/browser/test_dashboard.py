"""The dashboard in a browser, on a busy evening."""

import re
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from nameko_sqlalchemy.database import Session
from playwright.sync_api import Page, Response, expect
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from common.postgres.sessions import DIALECT
from tests.screenshots import evening
from tests.support import people
from tests.support.browser import DESKTOP, PHONE, Visitors, scrolls_sideways, serious_faults
from tests.support.expedite import Expedite
from tests.support.histories import write_order, write_worker
from tests.support.people import Someone

BECOMES_STUCK = "update orders set updated_at = now() - interval '1 hour' where number ~ '_147$'"
IS_FINE_AGAIN = "update orders set updated_at = now() + interval '1 hour' where number ~ '_147$'"
EVIL = "<img src=x onerror=\"document.title='caught'\">"


@pytest.fixture(scope="module")
def busy(running: Expedite) -> Expedite:
    evening.write(running.database_url)
    engine = create_engine(DIALECT, creator=lambda: psycopg2.connect(running.database_url))
    with sessionmaker(bind=engine, class_=Session).begin() as session:
        write_worker(session, EVIL, "delivery", seen=300)
        placed_at = datetime.now(UTC) - timedelta(minutes=30)
        write_order(session, placed_at, ("cooking", 5, EVIL))
        write_order(session, placed_at, ("failed", 5, "kitchen"), reason=EVIL)
    engine.dispose()
    # None of them becomes stuck while tests run, but by what they do.
    running.query("update orders set updated_at = now() + interval '1 hour' where status = 'received'")
    running.query(IS_FINE_AGAIN)
    running.query("update orders set updated_at = now() - interval '10 minutes' where number ~ '_(141|148)$'")
    # What is placed from now on comes after the evening's.
    running.query(
        "insert into order_numbers values (current_date, 600) on conflict (day) do update set last = 600"
    )
    return running


def opened(visitors: Visitors, busy: Expedite, who: Someone, **options: object) -> Page:
    page = visitors.open(who, **options)  # type: ignore[arg-type]
    page.goto(busy.url("tracking_service") + "/dashboard")
    return page


def waiting(page: Page, busy: Expedite) -> int:
    """How many wait, once the page says so: what it shows at first may be two seconds old."""
    [[there]] = busy.query("select count(*) from orders where status = 'received'")
    expect(page.locator(".counts > div", has_text="waiting").locator("dd")).to_have_text(str(there))
    return int(there)


def count(page: Page, word: str) -> int:
    return int(page.locator(".counts > div", has_text=word).locator("dd").inner_text())


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nobody_is_kept_out(
    visitors: Visitors, busy: Expedite, anna: Someone, scheme: str, size: dict[str, int]
) -> None:
    page = opened(visitors, busy, anna, viewport=size, color_scheme=scheme)
    assert not scrolls_sideways(page)
    for summary in page.locator("summary").all():
        summary.click()
    assert serious_faults(page) == []
    assert not scrolls_sideways(page)


def test_at_200_percent_nothing_is_lost(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna, viewport={"width": 720, "height": 450})
    assert not scrolls_sideways(page)
    for name in ("Stuck, and why", "Workers", "Orders by hour", "Sales by hour", "Minutes in each step"):
        page.evaluate(
            "name => [...document.querySelectorAll('h2')].find(h => h.innerText === name).scrollIntoView()", name
        )
        expect(page.get_by_role("heading", name=name)).to_be_in_viewport()


@pytest.mark.one_of_its_kind
def test_what_happens_is_seen_and_what_was_open_stays_open(
    visitors: Visitors, busy: Expedite, anna: Someone
) -> None:
    page = opened(visitors, busy, anna)
    loads: list[str] = []
    page.on("load", lambda _: loads.append(page.url))
    table = page.locator("details", has_text="Hours as a table")
    table.locator("summary").click()
    again = page.get_by_role("button", name="Send again").first
    again.focus()
    before = waiting(page, busy)
    busy.place()
    expect(page.locator(".counts > div", has_text="waiting").locator("dd")).to_have_text(str(before + 1))
    busy.query(BECOMES_STUCK)
    expect(page.locator(".stuck", has_text="147")).to_be_visible()
    busy.query(IS_FINE_AGAIN)
    expect(page.locator(".stuck", has_text="147")).to_have_count(0)
    busy.query("update workers set last_seen = now() - interval '5 minutes' where name = 'bar'")
    expect(page.locator(".worker.is-gone", has_text="bar")).to_be_visible()
    busy.query("update workers set last_seen = now() where name = 'bar'")
    expect(page.locator(".worker.is-gone", has_text="bar")).to_have_count(0)
    assert table.get_attribute("open") is not None
    expect(again).to_be_focused()
    assert loads == []


def test_one_more_that_is_stuck_is_said(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna)
    expect(page.locator("#live")).to_be_visible()
    busy.query(BECOMES_STUCK)
    expect(page.locator(".stuck", has_text="147")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text(f"{count(page, 'stuck')} orders are stuck.")
    busy.query(IS_FINE_AGAIN)


def test_nothing_moves_under_a_finger(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna)
    before = waiting(page, busy)
    page.locator("h2", has_text="Workers").hover()
    page.mouse.down()
    busy.place()
    with page.expect_event("console", lambda said: said.text == "heard"):
        page.evaluate(
            """() => {
            const source = new EventSource("/dashboard/stream");
            source.addEventListener("change", () => { console.log("heard"); source.close(); });
            source.addEventListener("reset", (event) => {
                if (event.data.includes("waiting</dt><dd class=\\\\\\"digits\\\\\\">BEFORE")) return;
                console.log("heard"); source.close();
            });
        }""".replace("BEFORE", str(before))
        )
    assert count(page, "waiting") == before
    page.mouse.up()
    expect(page.locator(".counts > div", has_text="waiting").locator("dd")).to_have_text(str(before + 1))


def test_ages_go_on_by_themselves(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna)
    age = page.locator(".stuck", has_text="130").locator(".stuck-age")
    shown = age.inner_text()
    assert re.fullmatch(r"\d+:\d\d|\d+ h \d\d", shown)
    expect(age).not_to_have_text(shown)


def test_cut_off_it_says_so_and_comes_back(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna)
    expect(page.locator("#live")).to_be_visible()
    before = waiting(page, busy)
    page.context.set_offline(True)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#live")).to_be_hidden()
    busy.place()
    assert count(page, "waiting") == before
    page.context.set_offline(False)
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator(".counts > div", has_text="waiting").locator("dd")).to_have_text(str(before + 1))
    visitors.faults.clear()  # what could not be reached


def test_each_chart_has_a_table(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna)
    page.get_by_text("Hours as a table").focus()
    page.keyboard.press("Enter")
    hours = page.get_by_role("table", name=re.compile("^Orders and sales by hour"))
    expect(hours).to_be_visible()
    rows = [row.inner_text().split("\t") for row in hours.get_by_role("row").all()]
    assert rows[0][:3] == ["Hour", "Orders today", "yesterday"]
    by_hour = [row for row in rows if re.match(r"\d", row[0])]
    total = next(row for row in rows if row[0] == "All")
    for column in range(1, 5):
        figures = [float(row[column].replace(",", "")) for row in by_hour]
        assert sum(figures) == pytest.approx(float(total[column].replace(",", "")))
    expect(page.locator("#part-hours")).to_contain_text(f"{total[1]} today")
    page.get_by_text("Steps as a table").focus()
    page.keyboard.press("Enter")
    steps = page.get_by_role("table", name=re.compile("^Time in each step"))
    expect(steps.get_by_role("row", name=re.compile("^Waiting Delivery"))).to_be_visible()
    assert steps.get_by_role("row").count() == 11


def test_with_scripts_off_it_is_complete(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna, java_script_enabled=False)
    for name in ("Stuck, and why", "Workers", "Orders by hour", "Sales by hour", "Minutes in each step"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator(".stuck-age").first).to_have_text(re.compile(r"\d"))
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("#clock")).to_have_text(re.compile(r"^\d\d:\d\d$"))
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "30"
    page.get_by_text("Steps as a table").click()
    expect(page.get_by_role("table", name=re.compile("^Time in each step"))).to_be_visible()


@pytest.mark.one_of_its_kind
def test_what_people_have_written_does_nothing(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = opened(visitors, busy, anna)
    expect(page.locator("bdi", has_text="onerror").first).to_be_visible()
    busy.place()
    expect(page.get_by_text(EVIL).first).to_be_visible()
    expect(page).to_have_title("Dashboard · Expedite")
    assert page.locator("main img").count() == 0


def test_a_guest_signs_in_and_is_there(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    page = visitors.open()
    page.goto(busy.url("tracking_service") + "/dashboard")
    page.get_by_label("Email").fill(anna.email)
    page.get_by_label("Password", exact=True).fill(people.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(busy.url("tracking_service") + "/dashboard")
    expect(page.get_by_role("link", name="Dashboard")).to_have_attribute("aria-current", "page")


def test_the_page_is_light(visitors: Visitors, busy: Expedite, anna: Someone) -> None:
    """What a first visit fetches, before its stream begins: under 100 KiB."""
    page = visitors.open(anna, java_script_enabled=False)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright marks what it is given
    page.goto(busy.url("tracking_service") + "/dashboard", wait_until="load")
    fetched = {answer.url.rpartition("/")[2]: len(answer.body()) for answer in answers}
    assert {"dashboard", "tokens.css", "dashboard-charts.css"} <= set(fetched)
    assert sum(fetched.values()) < 100 * 1024
