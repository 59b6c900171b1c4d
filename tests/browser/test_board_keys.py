"""The board by keys, as a bump bar sends them."""

import re

import pytest
from playwright.sync_api import APIResponse, Route, expect

from tests.browser.kitchen import card, cook, keep_time, main_button, place, short, stand
from tests.support.boards import Board
from tests.support.browser import Visitors
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import Someone


@pytest.fixture(autouse=True)
def _empty(running: Expedite) -> None:
    running.query("truncate orders cascade")


def test_digits_move_the_tickets_of_the_lane_that_is_lit(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    first, second = place(running), place(running)
    board = stand(visitors, running, anna)
    board.keyboard.press("ArrowLeft")
    expect(board.locator("[data-armed] h2")).to_contain_text("Waiting")
    expect(board.locator("[data-armed]")).to_contain_text("Keys 1 to 2 move these")
    expect(main_button(board, second)).to_contain_text("2")
    board.keyboard.press("2")
    expect(card(board, second, "cooking")).to_be_visible()
    board.keyboard.press("ArrowRight")
    board.keyboard.press("1")
    expect(card(board, second, "ready")).to_be_visible()
    board.keyboard.press("+")
    expect(card(board, second, "cooking")).to_be_visible()
    expect(card(board, first, "waiting")).to_be_visible()


def test_a_digit_that_has_just_changed_tickets_is_dead(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    numbers = [place(running) for _ in range(2)]
    board = stand(visitors, running, anna)
    board.keyboard.press("ArrowLeft")
    # A hand that hits twice and a third time: by then the digit is another ticket's, but not for long enough.
    board.evaluate(
        """(number) => new Promise((done) => {
          const key = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true }));
          new MutationObserver((_, observer) => {
            if (!document.querySelector(`[data-lane="cooking"] [id="${number}"]`)) return;
            observer.disconnect();
            const changed = performance.now();
            key();
            setTimeout(() => { if (performance.now() - changed < 600) key(); done(); }, 100);
          }).observe(document.body, { subtree: true, childList: true });
          key();
        })""",
        numbers[0],
    )
    expect(card(board, numbers[0], "cooking")).to_be_visible()
    board.wait_for_timeout(800)  # what the rule is about
    assert running.status(numbers[1]) == "received"
    board.keyboard.press("1")
    expect(card(board, numbers[1], "cooking")).to_be_visible()


def test_arrows_pick_and_enter_moves(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    first, second = place(running), place(running)
    board = stand(visitors, running, anna)
    for key in ("ArrowLeft", "ArrowDown", "ArrowDown"):
        board.keyboard.press(key)
    expect(card(board, second)).to_have_class(re.compile("picked"))
    expect(card(board, second)).to_be_focused()
    board.keyboard.press("f")
    expect(board.locator('[data-lane="waiting"] .ticket').first).to_have_attribute("id", second)
    expect(card(board, second)).to_be_focused()  # it was replaced meanwhile
    board.keyboard.press("u")
    expect(board.locator('[data-lane="waiting"] .ticket').first).to_have_attribute("id", first)
    board.keyboard.press("Enter")
    expect(card(board, second, "cooking")).to_be_visible()


def test_what_can_be_recalled_is_a_key_away(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(running)
    board = stand(visitors, running, anna)
    cook(board, number)
    board.keyboard.press("r")
    expect(board.locator("#recall")).to_contain_text(short(number))
    board.keyboard.press("Escape")
    expect(board.locator("#recall")).to_be_hidden()
    board.keyboard.press("-")
    board.keyboard.press("1")
    expect(card(board, number, "cooking")).to_be_visible()
    expect(board.locator("#recall")).to_be_hidden()


def test_what_can_be_recalled_is_closed_though_the_list_changed_before_the_answer_came(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number = place(running)
    board = stand(visitors, running, anna)
    cook(board, number)
    held: list[tuple[Route, APIResponse]] = []
    board.route("**/recall", lambda route: held.append((route, route.fetch())))
    expect(board.locator("#recall")).to_contain_text(short(number))
    board.keyboard.press("r")
    board.keyboard.press("1")
    # The stream is faster than the answer.
    expect(board.locator("#recall")).to_contain_text("Nothing was ready")
    for route, answer in held:
        route.fulfill(response=answer)
    expect(board.locator("#recall")).to_be_hidden()


def test_a_digit_recalls_what_is_shown_behind_it(
    visitors: Visitors, running: Expedite, anna: Someone, boss: Someone
) -> None:
    kitchen = Board.of(running, boss)
    here, takeout = place(running, order_type="dine_in", table_number=4), place(running)
    for number in (here, takeout):  # the latest is the first in the list
        for move in ("start", "ready"):
            assert kitchen.move(number, move).status_code == 303
    board = stand(visitors, running, anna, "/board?type=dine_in")
    board.keyboard.press("r")
    expect(board.locator("#recall li:visible")).to_have_count(1)
    board.keyboard.press("1")
    expect(card(board, here, "cooking")).to_be_visible()
    assert running.status(takeout) == "ready"


def test_a_list_that_changes_recalls_nothing_else(
    visitors: Visitors, running: Expedite, anna: Someone, boss: Someone
) -> None:
    kitchen = Board.of(running, boss)
    first, second = place(running), place(running)
    for number, move in ((first, "start"), (first, "ready"), (second, "start")):
        assert kitchen.move(number, move).status_code == 303
    board = stand(visitors, running, anna)
    board.keyboard.press("r")
    board.evaluate(
        """(number) => {
          new MutationObserver((_, observer) => {
            if (!document.querySelector(`#recall [formaction*="${number}"]`)) return;
            observer.disconnect();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true }));
          }).observe(document.body, { subtree: true, childList: true });
        }""",
        second,
    )
    assert kitchen.move(second, "ready").status_code == 303
    button = board.locator("#recall button")
    expect(button).to_have_count(2)
    expect(button.nth(1)).to_be_focused()  # that of the order that was the only one
    board.wait_for_timeout(800)  # for a move that must not be made
    assert (running.status(first), running.status(second)) == ("ready", "ready")
    board.keyboard.press("Enter")
    expect(card(board, first, "cooking")).to_be_visible()


def test_enter_moves_no_ticket_while_the_list_is_open(
    visitors: Visitors, running: Expedite, anna: Someone, boss: Someone
) -> None:
    kitchen = Board.of(running, boss)
    first, second = place(running), place(running)
    for number, move in ((first, "start"), (second, "start"), (second, "ready")):
        assert kitchen.move(number, move).status_code == 303
    board = stand(visitors, running, anna)
    board.keyboard.press("ArrowDown")
    expect(card(board, first)).to_have_class(re.compile("picked"))
    board.keyboard.press("r")
    expect(board.locator("#recall button")).to_be_focused()
    assert kitchen.move(second, "complete").status_code == 303
    expect(board.locator("#recall")).to_contain_text("Nothing was ready")
    board.keyboard.press("Enter")
    board.wait_for_timeout(500)  # for a move that must not be made
    assert running.status(first) == "cooking"


def test_arrows_pick_no_ticket_that_has_gone(
    visitors: Visitors, running: Expedite, anna: Someone, boss: Someone
) -> None:
    first, second = place(running), place(running)
    board = stand(visitors, running, anna)
    board.keyboard.press("ArrowLeft")
    keep_time(board)
    assert Board.of(running, boss).move(first, "start").status_code == 303
    expect(board.locator(".gone")).to_be_visible()
    board.keyboard.press("ArrowDown")
    expect(card(board, second)).to_be_focused()


def test_typing_is_no_key(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(running)
    board = stand(visitors, running, anna)
    board.keyboard.press("ArrowLeft")
    card(board, number).locator("summary").click()
    card(board, number).get_by_role("link", name="Can’t make").click()
    card(board, number).get_by_label("What else is out").fill("")
    board.keyboard.type("1 frump+-?")
    expect(card(board, number).get_by_label("What else is out")).to_have_value("1 frump+-?")
    expect(card(board, number, "waiting")).to_be_visible()
    assert running.status(number) == "received"


def test_the_keys_are_explained(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    board = stand(visitors, running, anna)
    board.keyboard.press("?")
    expect(board.get_by_role("dialog")).to_contain_text("move that ticket of the lane whose rail is lit")
    board.keyboard.press("Escape")
    expect(board.get_by_role("dialog")).to_be_hidden()


def test_a_ticket_is_printed_alone(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(
        running,
        items=[{"name": "Caesar Salad", "quantity": 2, "price": 8.99, "note": "no anchovies"}],
        allergies=["fish"],
    )
    other = place(running)
    board = visitors.open(anna)
    board.add_init_script("window.print = () => { window.isPrinted = true }")
    board.goto(running.url("kitchen_service") + "/board")
    board.keyboard.press("ArrowLeft")
    board.keyboard.press("ArrowDown")
    board.keyboard.press("p")
    eventually(lambda: board.evaluate("window.isPrinted"))
    board.emulate_media(media="print")
    slip = board.locator(".print-area")
    expect(slip.get_by_text("no anchovies")).to_be_visible()
    expect(slip.get_by_text("Caesar Salad contains fish")).to_be_visible()
    expect(slip.get_by_text(f"by {anna.username}")).to_be_visible()
    expect(slip.get_by_text(f"{number} · priority 1")).to_be_visible()
    expect(slip.get_by_role("button")).to_have_count(0)
    for each in (number, other):
        expect(card(board, each)).to_be_hidden()
    board.evaluate("window.dispatchEvent(new Event('afterprint'))")
    board.emulate_media(media="screen")
    expect(card(board, other)).to_be_visible()
