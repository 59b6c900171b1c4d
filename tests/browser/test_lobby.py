"""The numbers on the wall, in a browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_tracker import move, place
from tests.support.browser import PHONE, WALL, Visitors, scrolls_sideways, serious_faults
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import Someone

SMALL_WALL = {"width": 1280, "height": 720}
_MANY = """
    insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status, sequence,
        placed_at, updated_at)
    select to_char(now(), '"ORD_"YYYYMMDD"_"') || n, 'Ada Lovelace', 'takeout', 10, 1, 10, %s, 1, now(),
        now() - make_interval(secs => %s)
    from generate_series(%s, %s) n
"""


@pytest.fixture(autouse=True)
def _empty(running: Expedite) -> None:
    running.query("truncate orders cascade")


def hang(page: Page, running: Expedite) -> Page:
    page.goto(running.url("tracking_service") + "/lobby")
    page.evaluate("window.isTheSame = true")
    return page


def short(number: str) -> str:
    return number.rpartition("_")[2]


def test_numbers_move_while_one_looks(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    wall = hang(visitors.open(viewport=WALL), running)
    expect(wall.get_by_text("Nothing waiting")).to_be_visible()
    number, _ = place(running)
    other, _ = place(running, "dine_in")
    expect(wall.locator(".lobby-made .is-waiting")).to_have_count(2)
    move(running, number, "start", by=anna)
    expect(wall.locator(".lobby-made .is-cooking")).to_contain_text(short(number))
    move(running, number, "ready", by=anna)
    newest = wall.locator(".is-newest")
    expect(newest).to_contain_text(short(number))
    expect(newest).to_contain_text("just now")
    expect(wall.locator("#said-status")).to_have_text(f"{short(number)} ready")
    running.query("update orders set updated_at = now() - interval '20 seconds' where number = %s", number)
    expect(newest).to_have_count(0)
    expect(wall.locator(".lobby-ready li")).to_have_text(short(number))
    move(running, number, "recall", by=anna)
    expect(wall.get_by_text(f"{short(number)} went back for a moment")).to_be_visible()
    move(running, number, "ready", "complete", by=anna)
    expect(wall.locator(".lobby-ready li")).to_have_count(0)
    move(running, other, "cancel", by=anna)
    expect(wall.get_by_text("Nothing waiting")).to_be_visible()
    assert wall.evaluate("window.isTheSame")


def test_cut_off_it_says_so_and_keeps_what_is_ready_and_comes_back(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number, _ = place(running)
    move(running, number, "start", "ready", by=anna)
    stayed, away = hang(visitors.open(viewport=WALL), running), hang(visitors.open(viewport=WALL), running)
    away.context.set_offline(True)
    lost = away.locator("#lost")
    expect(lost).to_contain_text(re.compile(r"No connection since \d\d:\d\d:\d\d"))
    other, _ = place(running)
    move(running, number, "complete", by=anna)
    expect(stayed.locator(".lobby-made li")).to_contain_text(short(other))
    expect(away.locator(".lobby-ready li")).to_contain_text(short(number))
    assert away.evaluate("document.documentElement.scrollHeight <= innerHeight")
    away.context.set_offline(False)
    expect(lost).to_be_hidden()
    expect(away.locator(".lobby-made li")).to_contain_text(short(other))
    eventually(lambda: away.locator("#lobby").inner_text() == stayed.locator("#lobby").inner_text())
    assert away.evaluate("window.isTheSame")
    visitors.faults[:] = [fault for fault in visitors.faults if "ERR_INTERNET_DISCONNECTED" not in fault]


@pytest.mark.parametrize("size", [WALL, SMALL_WALL], ids=["1080", "720"])
@pytest.mark.parametrize(
    ("made", "ready", "digits"),
    [(0, 0, 3), (1, 1, 3), (3, 4, 3), (6, 9, 3), (12, 11, 3), (60, 40, 3), (60, 40, 4)],
)
def test_all_of_it_can_be_seen_however_many_there_are(
    visitors: Visitors, running: Expedite, size: dict[str, int], made: int, ready: int, digits: int
) -> None:
    first = 10 ** (digits - 1)
    running.query(_MANY, "received", 60, first, first + made - 1)
    for age in (0, 60):  # with one that is new, and without
        running.query("delete from orders where status = 'ready'")
        running.query(_MANY, "ready", 60, first + 100, first + 100 + ready - 1)
        running.query(
            "update orders set updated_at = now() - make_interval(secs => %s) where status = 'ready' and id ="
            " (select max(id) from orders)",
            age,
        )
        wall = hang(visitors.open(viewport=size), running)
        expect(wall.locator(".lobby-made li")).to_have_count(made)
        expect(wall.locator(".lobby-ready li")).to_have_count(ready)
        assert _cut_off(wall) == []
        assert not scrolls_sideways(wall)
        assert wall.evaluate("document.documentElement.scrollHeight <= innerHeight")


def _cut_off(wall: Page) -> list[str]:
    """Numbers that are not wholly on their side of the wall, or lie over each other."""
    return wall.evaluate("""() => {
        const faults = [];
        for (const side of document.querySelectorAll(".lobby-made, .lobby-ready")) {
            const edge = side.getBoundingClientRect();
            const boxes = [...side.querySelectorAll("li")].map((number) => {
                const range = document.createRange();
                range.selectNodeContents(number.firstChild);
                const { left, right } = range.getBoundingClientRect();
                const { top, bottom } = number.getBoundingClientRect();
                return [number.firstChild.textContent, { left, right, top, bottom }];
            });
            boxes.forEach(([number, box], at) => {
                if (box.right > edge.right || box.bottom > edge.bottom) faults.push(`${number} is cut off`);
                for (const [other, its] of boxes.slice(at + 1)) {
                    const beside = its.left >= box.right - 1 || its.right <= box.left + 1;
                    const below = its.top >= box.bottom - 1 || its.bottom <= box.top + 1;
                    if (!beside && !below) faults.push(`${number} lies over ${other}`);
                }
            });
        }
        return faults;
    }""")  # type: ignore[no-any-return]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nobody_is_kept_out(visitors: Visitors, running: Expedite, anna: Someone, theme: str) -> None:
    number, _ = place(running)
    back, _ = place(running)
    place(running)
    move(running, number, "start", "ready", by=anna)
    move(running, back, "start", "ready", "recall", by=anna)
    for size in (WALL, PHONE):
        wall = hang(visitors.open(viewport=size, reduced_motion="reduce"), running)
        assert wall.evaluate("document.documentElement.dataset.theme") == "dark"
        if theme == "light":
            wall.get_by_role("link", name="Light").click()
            expect(wall.get_by_role("link", name="Dark")).to_be_visible()
        assert serious_faults(wall) == []
        assert not scrolls_sideways(wall)
        assert wall.evaluate("document.getAnimations().length") == 0


def test_without_scripts_it_is_all_there(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number, _ = place(running)
    wall = visitors.open(viewport=WALL, java_script_enabled=False)
    wall.goto(running.url("tracking_service") + "/lobby")
    expect(wall.locator(".lobby-made li")).to_contain_text(short(number))
    expect(wall.locator("#clock")).to_have_text(re.compile(r"\d\d:\d\d"))
    move(running, number, "start", "ready", by=anna)
    # As if it became so when the page loads itself anew, which it does every 15 seconds.
    running.query("update orders set updated_at = now() + interval '15 seconds' where number = %s", number)
    expect(wall.locator(".is-newest")).to_contain_text(short(number))
