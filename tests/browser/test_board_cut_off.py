"""A board that was cut off: what can be done meanwhile, and what it shows when it is back."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.kitchen import (
    card,
    come_back,
    come_back_for_a_moment,
    cook,
    cut_off,
    keep_time,
    main_button,
    place,
    short,
    shown,
    stand,
    stand_untold,
    tell,
)
from tests.support.boards import Board
from tests.support.browser import Visitors, serious_faults
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import Someone


@pytest.fixture(autouse=True)
def _empty(running: Expedite) -> None:
    running.query("truncate orders cascade")


@pytest.mark.one_of_its_kind
def test_back_it_shows_the_same_as_one_that_never_left(
    visitors: Visitors, running: Expedite, anna: Someone, boss: Someone
) -> None:
    kitchen = Board.of(running, boss)
    stays, cooks, goes, stops = (place(running) for _ in range(4))
    for number in (goes, stops):
        kitchen.move(number, "start")
    kitchen.move(goes, "ready")
    here, away = stand(visitors, running, anna), stand(visitors, running, anna)
    eventually(lambda: shown(here) == shown(away))
    away.context.set_offline(True)
    expect(away.locator("#lost")).to_be_visible()

    came = place(running, items=[{"name": "Espresso", "quantity": 1, "price": 2.8, "note": "very short"}])
    kitchen.move(cooks, "start")
    kitchen.move(goes, "complete")
    kitchen.move(stops, "cancel")
    kitchen.move(stays, "front")
    expect(card(here, stops)).to_contain_text("Cancelled")
    expect(here.locator(".gone")).to_have_count(0)
    expect(card(away, came)).to_have_count(0)
    visitors.faults.clear()  # the browser says that it is offline

    away.context.set_offline(False)
    expect(away.locator("#lost")).to_be_hidden()
    expect(away.locator("#said-status")).to_have_text("The board is live again: 1 new, 1 cancelled")
    eventually(lambda: shown(here) == shown(away))
    expect(card(away, came)).to_be_visible()
    fresh = stand(visitors, running, anna)
    eventually(lambda: shown(fresh) == shown(away))
    visitors.faults.clear()


def test_cut_off_nothing_can_be_moved_and_no_touch_is_kept_for_later(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number, second = place(running), place(running)
    board = stand(visitors, running, anna)
    cook(board, second)
    keep_time(board)
    main_button(board, second).click()  # it waits in its button
    board.context.set_offline(True)
    expect(board.locator("#lost")).to_contain_text("nothing can be moved until it is back")
    expect(main_button(board, second)).to_have_text(re.compile("Collected"))
    board.clock.resume()
    age = card(board, number).locator("time span").last
    was = age.inner_text()
    main_button(board, number).click(force=True)
    expect(board.locator("#toast")).to_contain_text("nothing was moved")
    expect(card(board, number, "waiting")).to_be_visible()
    expect(age).not_to_have_text(was)  # ages go on
    assert serious_faults(board) == []
    visitors.faults.clear()
    board.context.set_offline(False)
    expect(board.locator("#lost")).to_be_hidden()
    main_button(board, number).click()
    expect(card(board, number, "cooking")).to_be_visible()
    assert running.history(number) == ["received", "cooking"]
    assert running.status(second) == "ready"
    visitors.faults.clear()


def test_what_was_missed_is_said_soon_however_much_goes_on(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    board = stand_untold(visitors, running, anna)
    cut_off(board)
    come_back(board)
    for _ in range(40):
        tell(board)
        board.wait_for_timeout(100)
    assert board.locator("#said-status").text_content() == "The board is live again"


def test_cut_off_again_it_is_not_said_to_be_live(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    board = stand_untold(visitors, running, anna)
    cut_off(board)
    html = Board.of(running, anna).card(place(running))
    come_back_for_a_moment(board, cards={"new": html})
    board.wait_for_timeout(2500)  # by then it would have been said
    expect(board.locator("#said-status")).to_be_empty()
    come_back(board)
    expect(board.locator("#said-status")).to_have_text("The board is live again: 1 new")


def test_the_way_back_is_still_there_when_the_connection_is(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number = place(running)
    board = stand_untold(visitors, running, anna)
    cook(board, number)
    toast = board.locator("#toast")
    expect(toast).to_contain_text(f"{short(number)} is ready")
    cut_off(board)
    board.keyboard.press("u")
    expect(toast).to_contain_text("No connection: nothing was moved.")
    expect(toast.get_by_role("button", name="Undo")).to_be_visible()
    assert running.status(number) == "ready"
    come_back(board)
    board.keyboard.press("u")
    expect(card(board, number, "cooking")).to_be_visible()
