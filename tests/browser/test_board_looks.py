"""How the board looks and sounds, for everybody and on every screen."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kitchen import card, cook, main_button, place, short, stand
from tests.support.boards import Board
from tests.support.browser import PHONE, TABLET, WALL, Visitors, scrolls_sideways, serious_faults, settled
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import Someone

ZOOMED = {"width": 960, "height": 540}  # a wall's screen at 200 %
SMALLEST = {"width": 320, "height": 640}


@pytest.fixture(autouse=True)
def _busy(running: Expedite, boss: Someone) -> None:
    """One of each."""
    running.query("truncate orders cascade")
    kitchen = Board.of(running, boss)
    note = [{"name": "Caesar Salad", "quantity": 2, "price": 8.99, "note": "dressing aside"}]
    place(running, items=note, allergies=["fish", "lupin"])
    slow, late, ready, stopped, failed, back = (place(running, items=note) for _ in range(6))
    for number in (late, ready, stopped, back):
        kitchen.move(number, "start")
    for number, move in ((ready, "ready"), (stopped, "cancel"), (back, "ready"), (back, "recall")):
        assert kitchen.move(number, move).status_code == 303
    assert kitchen.move(failed, "fail", reason="the oven is cold").status_code == 303
    for number, seconds in ((slow, 700), (late, 2000)):
        running.query(
            "update orders set placed_at = now() - make_interval(secs => %s) where number = %s", seconds, number
        )
    away = place(running, order_type="delivery", delivery_address="12 Harbour Street")
    for move in ("start", "ready", "dispatch"):
        kitchen.move(away, move)


def light(page: Page) -> None:
    page.add_init_script("""localStorage.setItem("board-look", '{"theme":"light"}')""")


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("is_light", [False, True])
@pytest.mark.parametrize("viewport", [WALL, TABLET, PHONE])
def test_nobody_is_kept_out(
    visitors: Visitors, running: Expedite, anna: Someone, viewport: dict[str, int], is_light: bool
) -> None:
    board = visitors.open(anna, viewport)
    if is_light:
        light(board)
    board.goto(running.url("kitchen_service") + "/board")
    expect(board.locator("html")).to_have_attribute("data-theme", "light" if is_light else "dark")
    assert serious_faults(board) == []
    board.locator(".ticket summary").first.click()
    board.get_by_role("link", name="Can’t make").first.click()
    expect(board.locator(".cant-make")).to_be_visible()
    assert serious_faults(board) == []
    for menu in ("#recall-pop", "#menu-pop"):
        board.locator(f"{menu} > summary").click()
        assert serious_faults(board) == []
    assert not scrolls_sideways(board)


@pytest.mark.parametrize("viewport", [WALL, TABLET, ZOOMED, PHONE, SMALLEST])
def test_everything_has_room(
    visitors: Visitors, running: Expedite, anna: Someone, viewport: dict[str, int]
) -> None:
    board = settled(stand(visitors, running, anna, viewport=viewport))
    assert not scrolls_sideways(board)
    outside = board.evaluate(
        """() => [...document.querySelectorAll(".bar *, .ticket *, .ready *")].filter((each) => {
          const box = each.getBoundingClientRect();
          return box.width > 1 && each.checkVisibility() && !each.closest(".said, .pop-body, .filter-word")
            && getComputedStyle(each).clipPath === "none" && (box.right > innerWidth + 1 || box.left < -1);
        }).map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert outside == []


def test_on_a_phone_it_is_one_lane_at_a_time(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(running)
    board = stand(visitors, running, anna, viewport=PHONE)
    tabs = board.get_by_role("group", name="Lane")
    expect(tabs.get_by_text("Cooking")).to_contain_text("3")
    expect(card(board, number)).to_be_visible()
    expect(board.locator('.lane[data-lane="cooking"]')).to_be_hidden()
    main_button(board, number).click()
    tabs.get_by_text("Cooking").click()
    expect(card(board, number, "cooking")).to_be_visible()
    expect(board.locator('.lane[data-lane="waiting"]')).to_be_hidden()
    expect(tabs.get_by_text("Cooking")).to_contain_text("4")


def test_what_is_touched_is_large_enough(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    board = settled(stand(visitors, running, anna, viewport=TABLET, has_touch=True))
    small = board.evaluate(
        """() => [...document.querySelectorAll("main button, main summary, .bar button, .bar summary, .bar a")]
          .filter((each) => each.checkVisibility() && !each.matches(".lane-more, .all-day *"))
          .filter((each) => each.getBoundingClientRect().height < 44).map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert small == []


@pytest.mark.one_of_its_kind
def test_with_reduced_motion_nothing_moves(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(running)
    board = stand(visitors, running, anna, reduced_motion="reduce")
    cook(board, number)
    moving = board.evaluate(
        "document.getAnimations().filter((each) => each.effect.target.checkVisibility()).length"
    )
    assert moving == 0
    expect(board.locator(".toast-left")).to_have_text(re.compile(r"\d s"))


def test_what_was_cancelled_pulses_and_then_stands_still(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    board = stand(visitors, running, anna)
    ticket = board.locator(".ticket.cancelled")
    # By its style: the animation itself is gone when it is over.
    for name, value in (("name", "stopped"), ("iteration-count", "3"), ("duration", "0.8s")):
        expect(ticket).to_have_css(f"animation-{name}", value)


def test_sound_is_off_until_it_is_touched(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    board = visitors.open(anna)
    board.add_init_script(
        """window.tones = 0;
        const made = AudioContext.prototype.createOscillator;
        AudioContext.prototype.createOscillator = function () { window.tones += 1; return made.call(this); };"""
    )
    board.goto(running.url("kitchen_service") + "/board")
    button = board.locator("#sound")
    expect(button).to_have_text(re.compile("Sound is off, touch"))
    expect(card(board, place(running))).to_be_visible()
    assert board.evaluate("window.tones") == 0
    button.click()
    expect(button).to_have_text(re.compile("Sound on"))
    eventually(lambda: board.evaluate("window.tones"))
    before = board.evaluate("window.tones")
    expect(card(board, place(running))).to_be_visible()
    board.wait_for_function(f"window.tones === {before + 2}")  # a new ticket has two tones
    board.keyboard.press("m")
    expect(button).to_have_text(re.compile("Sound is off, touch"))


def test_a_screen_keeps_how_it_looks(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    board = stand(visitors, running, anna)
    board.locator("#menu-pop > summary").click()
    board.get_by_label("Light").check(force=True)
    board.get_by_role("button", name="Larger").click()
    expect(board.locator("#size output")).to_have_text("110 %")
    board.reload()
    expect(board.locator("html")).to_have_attribute("data-theme", "light")
    assert board.evaluate("getComputedStyle(document.documentElement).fontSize") == "17.6px"


@pytest.mark.one_of_its_kind
def test_without_scripts_it_is_complete(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(running)
    board = stand(visitors, running, anna, java_script_enabled=False)
    expect(board.get_by_text("Sound is off")).to_be_hidden()
    expect(board.get_by_role("link", name="Load anew")).to_be_visible()
    assert board.locator("noscript meta[http-equiv=refresh]").count() or "http-equiv" in board.content()
    card(board, number).get_by_role("button", name="Start").click()
    expect(card(board, number, "cooking")).to_be_visible()
    card(board, number).locator("summary").click()
    card(board, number).get_by_role("link", name="Can’t make").click()
    board.get_by_label("Margherita Pizza").check()
    board.get_by_role("button", name="Can’t make").click()
    expect(card(board, number)).to_contain_text("out of Margherita Pizza")
    board.get_by_role("link", name=re.compile("Delivery")).click()
    expect(board.locator(".hidden-band:visible")).to_contain_text("not shown by this filter")
    expect(card(board, number)).to_be_hidden()


@pytest.mark.parametrize("viewport", [WALL, TABLET])
def test_too_much_is_counted_and_can_be_reached(
    visitors: Visitors, running: Expedite, anna: Someone, viewport: Any
) -> None:
    running.query(
        """
        with many as (
            insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,
                sequence, placed_at, updated_at)
            select 'ORD_20200101_' || n, repeat('Wolfeschlegelstein', 5), 'takeout', 1, 1, 1, 'received', 1, now(),
                now()
            from generate_series(1000, 1079) n returning id
        )
        insert into order_items (order_id, position, name, quantity, price, note)
        select id, n, repeat('Supercalifragilistic', 2), 10, 1, repeat('without anything spicy ', 6)
        from many, generate_series(1, 3) n
        """
    )
    board = stand(visitors, running, anna, viewport=viewport)
    more = board.locator('.lane[data-lane="waiting"] .lane-more')
    expect(more).to_have_text(re.compile(r"\d\d more below"))
    waiting = board.locator('.lane[data-lane="waiting"] .ticket')
    last = waiting.last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    expect(more).to_be_hidden()
    assert not scrolls_sideways(board)
    settled(board)
    boxes = [box for box in (ticket.bounding_box() for ticket in waiting.all()) if box]
    tops = {(round(box["x"]), round(box["y"])) for box in boxes}
    assert len(tops) == len(boxes)  # none stands on another
    assert short("ORD_20200101_1079") in last.inner_text()
