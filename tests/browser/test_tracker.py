"""An order as its customer follows it, in a browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import people
from tests.support.browser import DESKTOP, PHONE, Visitors, scrolls_sideways, serious_faults
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.people import Someone

ZOOMED = {"width": PHONE["width"] // 2, "height": PHONE["height"] // 2}  # what 200 % leave of a phone


def place(running: Expedite, order_type: str = "takeout", **changes: Any) -> tuple[str, str]:
    """A new order's number and tracking link."""
    more = {"table_number": 7} if order_type == "dine_in" else {}
    if order_type == "delivery":
        more = {"delivery_address": "12 Harbour Street"}  # type: ignore[dict-item]
    order = an_order(order_type=order_type, allergies=["fish"], **more, **changes)
    answer = people.post(running, "/orders", order)
    assert answer.status_code == 201, answer.text
    return answer.json()["order_number"], answer.json()["tracking_url"]


def move(running: Expedite, number: str, *steps: str, by: Someone, why: str | None = None) -> None:
    for step in steps:
        answer = people.post(running, f"/orders/{number}/{step}", {"reason": why} if why else None, by)
        assert answer.status_code == 200, answer.text


def watch(page: Page, url: str) -> Page:
    """Open the tracker, and wait until it is live."""
    page.goto(url)
    expect(page.locator("#live")).to_be_visible()
    page.evaluate("window.isTheSame = true")
    return page


def expect_headline(page: Page, words: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def now_shown(page: Page) -> str:
    """The part that changes, without what only scripts see."""
    return str(page.locator("#tracker").inner_text())


@pytest.mark.one_of_its_kind
def test_it_moves_while_one_looks(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number, url = place(running)
    page = watch(visitors.open(viewport=PHONE), url)
    expect_headline(page, "Waiting its turn")
    expect(page.get_by_text("in line for takeout")).to_be_visible()
    move(running, number, "start", by=anna)
    expect_headline(page, f"{anna.username} is preparing it")
    expect(page.get_by_text("Too late to cancel here.")).to_be_visible()
    expect(page).to_have_title(re.compile(f": {anna.username} is preparing it · Expedite$"))
    move(running, number, "ready", by=anna)
    expect_headline(page, "Ready to collect")
    move(running, number, "recall", by=anna, why="one box was missing")
    expect(page.get_by_text("one box was missing")).to_be_visible()
    expect(page.locator(".step-name")).to_have_text(
        ["Received", "Preparing", "Ready", "Preparing again", "Ready", "Collected"]
    )
    move(running, number, "ready", "complete", by=anna)
    expect_headline(page, "Collected")
    assert page.evaluate("window.isTheSame")


def test_ready_its_number_fills_the_screen(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number, url = place(running)
    move(running, number, "start", "ready", by=anna)
    page = watch(visitors.open(viewport=PHONE), url)
    written = page.locator(".tracker-number")
    expect(written).to_have_text(number.rpartition("_")[2])
    # In one look: what changes on the page is put in place of what was there.
    number_box, head = page.evaluate("""() => [".tracker-number", ".tracker-head"].map(
        place => document.querySelector(place).getBoundingClientRect().toJSON())""")
    assert number_box["height"] > 0.4 * PHONE["width"]
    # How wide three digits are depends on which they are: 111 is two thirds as wide as 008.
    assert 0.55 * PHONE["width"] < number_box["width"] < PHONE["width"]
    assert head["height"] > 0.85 * PHONE["height"]
    assert not scrolls_sideways(page)


def test_cancelling_asks_once_in_its_place(visitors: Visitors, running: Expedite) -> None:
    number, url = place(running)
    page = watch(visitors.open(viewport=PHONE), url)
    page.get_by_text("Cancel order", exact=True).click()
    page.get_by_text("No, keep it").click()
    expect(page.get_by_role("button", name="Yes, cancel it")).to_be_hidden()
    assert running.status(number) == "received"
    page.get_by_text("Cancel order", exact=True).click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect_headline(page, "Cancelled")
    expect(page.get_by_text(re.compile(r"You cancelled it at \d\d:\d\d\."))).to_be_visible()
    expect(page).to_have_url(url)
    expect(page.get_by_role("link", name="Order it again")).to_be_visible()
    assert running.status(number) == "cancelled"


def test_cancelling_by_keyboard(visitors: Visitors, running: Expedite) -> None:
    number, url = place(running)
    page = watch(visitors.open(), url)
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_headline(page, "Cancelled")
    assert running.status(number) == "cancelled"


def test_what_somebody_is_about_to_do_outlasts_the_news(visitors: Visitors, running: Expedite) -> None:
    _, url = place(running)
    page = watch(visitors.open(), url)
    summary = page.locator("summary")
    summary.focus()
    page.keyboard.press("Enter")
    # Somebody orders for more than 100, which comes first, and takes its time.
    urgent, _ = place(running, items=[{"name": "Cake", "quantity": 10, "price": 20}])
    running.query("update orders set prep_seconds = 600 where number = %s", urgent)
    expect(page.get_by_text("minutes later than we first said")).to_be_visible()
    expect(summary).to_be_focused()
    expect(page.get_by_role("button", name="Yes, cancel it")).to_be_visible()


def test_too_late_it_says_so(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    """The page still shows the button: its connection is lost."""
    number, url = place(running)
    page = visitors.open(viewport=PHONE, java_script_enabled=False)
    page.goto(url)
    page.locator("summary").click()
    move(running, number, "start", by=anna)
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_text("That came too late to cancel it.")).to_be_visible()
    expect_headline(page, f"{anna.username} is preparing it")
    assert running.status(number) == "cooking"


@pytest.mark.one_of_its_kind
def test_who_was_cut_off_sees_what_who_never_left_sees(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number, url = place(running)
    stayed, away = watch(visitors.open(), url), watch(visitors.open(), url)
    away.context.set_offline(True)
    lost = away.locator("#lost")
    expect(lost).to_be_visible()
    expect(lost).to_contain_text(re.compile(r"No connection since \d\d:\d\d:\d\d"))
    expect(away.locator("#live")).to_be_hidden()
    move(running, number, "start", "ready", "recall", by=anna, why="one box was missing")
    expect_headline(stayed, "Being prepared again")
    expect_headline(away, "Waiting its turn")
    away.context.set_offline(False)
    expect(lost).to_be_hidden()
    expect_headline(away, "Being prepared again")
    eventually(lambda: now_shown(away) == now_shown(stayed))
    assert away.evaluate("window.isTheSame")
    visitors.faults[:] = [fault for fault in visitors.faults if "ERR_INTERNET_DISCONNECTED" not in fault]


def test_each_step_is_said_and_what_is_bad_at_once(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number, url = place(running)
    page = watch(visitors.open(), url)
    move(running, number, "start", by=anna)
    expect(page.locator("#said-status")).to_have_text(
        re.compile(rf"{anna.username} is preparing it, ready to collect about \d\d:\d\d")
    )
    move(running, number, "cancel", by=anna, why="out of lettuce")
    expect(page.locator("#said-alert")).to_have_text("Cancelled")


def test_a_time_that_passes_while_one_looks_is_shown_no_longer(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number, url = place(running)
    move(running, number, "start", by=anna)
    running.query(
        "update orders set estimated_completion = now() + interval '9 minutes' where number = %s", number
    )
    page = visitors.open()
    page.clock.install()
    watch(page, url)
    expect(page.locator(".promise-clock")).to_be_visible()
    expect(page.get_by_text(re.compile(r"about \d\d:\d\d"))).to_be_visible()
    page.clock.fast_forward("10:00")
    expect(page.locator(".promise-overdue")).to_be_visible()
    expect(page.locator(".promise-clock")).to_be_hidden()
    expect(page.get_by_text(re.compile(r"about \d\d:\d\d"))).to_be_hidden()


def test_without_scripts_it_is_all_there(visitors: Visitors, running: Expedite) -> None:
    number, url = place(running, "delivery")
    page = visitors.open(viewport=PHONE, java_script_enabled=False)
    page.goto(url)
    expect_headline(page, "Waiting its turn")
    expect(page.locator(".step-name")).to_have_count(6)
    expect(page.get_by_text("1 Margherita Pizza")).to_be_visible()
    expect(page.get_by_text("allergy: fish")).to_be_visible()
    expect(page.locator("#live")).to_be_hidden()
    page.locator("summary").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect_headline(page, "Cancelled")
    assert running.status(number) == "cancelled"


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(visitors: Visitors, running: Expedite, anna: Someone, scheme: str) -> None:
    """In every state, on a phone, twice as large, and at a desk."""
    number, url = place(running, customer_name="Ada " + "Lovelace" * 9)
    pages = [
        watch(visitors.open(viewport=size, color_scheme=scheme), address)
        for size, address in ((PHONE, url), (ZOOMED, url), (DESKTOP, url), (PHONE, url.partition("?")[0]))
    ]
    pages[0].locator("summary").click()
    states = (
        ([], "Waiting"),
        (["start"], "prepar"),
        (["ready"], "Ready"),
        (["recall"], "again"),
        (["ready", "complete"], "Collected"),
    )
    for steps, headline in states:
        move(running, number, *steps, by=anna)
        for page in pages:
            expect_headline(page, re.compile(headline))
            assert serious_faults(page) == []
            assert not scrolls_sideways(page), page.viewport_size


@pytest.mark.parametrize("step", ["cancel", "fail"])
def test_nor_from_what_came_to_nothing(visitors: Visitors, running: Expedite, anna: Someone, step: str) -> None:
    number, url = place(running, "dine_in")
    move(running, number, step, by=anna, why="out of lettuce " * 20)
    for scheme in ("light", "dark"):
        page = visitors.open(viewport=ZOOMED, color_scheme=scheme)
        page.goto(url)
        assert serious_faults(page) == []
        assert not scrolls_sideways(page)


def test_nothing_moves_for_who_wants_that(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number, url = place(running)
    page = watch(visitors.open(reduced_motion="reduce"), url)
    move(running, number, "start", "ready", by=anna)
    expect_headline(page, "Ready to collect")
    assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.one_of_its_kind
def test_what_people_typed_never_runs(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    nasty = "<img src=x onerror=\"document.title='broken'\">"
    item = {"name": "<script>document.title='broken'</script>", "quantity": 1, "price": 1, "note": nasty}
    number, url = place(running, items=[item])
    page = watch(visitors.open(), url)
    move(running, number, "cancel", by=anna, why=nasty)
    expect(page.get_by_text(nasty).first).to_be_visible()
    expect(page).to_have_title(re.compile("Cancelled · Expedite$"))
    page.reload()
    expect(page.get_by_text(nasty).first).to_be_visible()
    expect(page).to_have_title(re.compile("Cancelled · Expedite$"))
