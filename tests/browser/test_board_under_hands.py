"""A ticket that changes on the board while somebody does something in it."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.kitchen import card, keep_time, main_button, place, short, stand, stand_untold, tell
from tests.support.boards import Board
from tests.support.browser import Visitors, settled
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import Someone


@pytest.fixture(autouse=True)
def _empty(running: Expedite) -> None:
    running.query("truncate orders cascade")


@pytest.fixture
def elsewhere(running: Expedite, boss: Someone) -> Board:
    """Another board."""
    return Board.of(running, boss)


def test_who_types_in_a_ticket_types_on_when_it_changes(
    visitors: Visitors, running: Expedite, anna: Someone, elsewhere: Board
) -> None:
    number, other = place(running), place(running)
    board = stand(visitors, running, anna)
    card(board, number).locator("summary").click()
    card(board, number).get_by_role("link", name="Can’t make").click()
    field = card(board, number).get_by_label("What else is out")
    field.fill("1 dash")
    field.press("Home")
    for move, shown in (("front", "Front"), ("start", elsewhere.who.username if elsewhere.who else "")):
        assert elsewhere.move(number, move).status_code == 303
        expect(card(board, number)).to_contain_text(shown)
        board.keyboard.type("1r")
    expect(field).to_be_focused()
    expect(field).to_have_value("1r1r1 dash")
    expect(board.locator("#recall")).to_be_hidden()
    assert running.status(other) == "received"
    assert running.status(number) == "cooking"


def test_who_types_is_not_heard_when_the_ticket_leaves_the_lane_and_takes_the_form_with_it(
    visitors: Visitors, running: Expedite, anna: Someone, elsewhere: Board
) -> None:
    number, other = place(running), place(running)
    for each in (number, other):
        assert elsewhere.move(each, "start").status_code == 303
    board = stand(visitors, running, anna)
    card(board, number).locator("summary").click()
    card(board, number).get_by_role("link", name="Can’t make").click()
    card(board, number).get_by_label("What else is out").fill("flo")
    board.evaluate(
        """(number) => {
          new MutationObserver((_, observer) => {
            if (!document.querySelector(`[data-lane="ready"] [id="${number}"]`)) return;
            observer.disconnect();
            for (const key of ["1", "r", "Enter"]) {
              document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            }
          }).observe(document.body, { subtree: true, childList: true });
        }""",
        number,
    )
    assert elsewhere.move(number, "ready").status_code == 303
    expect(card(board, number, "ready")).to_be_focused()
    board.wait_for_timeout(800)  # for as long as nobody types, keys are dead
    expect(board.locator("#recall")).to_be_hidden()
    assert (running.status(number), running.status(other)) == ("ready", "cooking")
    board.keyboard.press("1")
    expect(card(board, other, "ready")).to_be_visible()


def test_a_button_keeps_the_focus_and_a_ticket_that_gets_it_instead_is_not_moved_by_enter(
    visitors: Visitors, running: Expedite, anna: Someone, elsewhere: Board
) -> None:
    number = place(running)
    board = stand(visitors, running, anna)
    card(board, number).locator("summary").click()
    cancel = card(board, number).locator("[data-move=cancel]")
    cancel.focus()
    assert elsewhere.move(number, "front").status_code == 303
    expect(card(board, number)).to_contain_text("Front")
    expect(cancel).to_be_focused()
    main_button(board, number).focus()
    assert elsewhere.move(number, "start").status_code == 303
    expect(card(board, number, "cooking")).to_be_focused()
    board.keyboard.press("Enter")
    board.wait_for_timeout(500)  # for a move that must not be made
    assert running.status(number) == "cooking"
    board.keyboard.press("ArrowDown")
    board.keyboard.press("Enter")
    expect(card(board, number, "ready")).to_be_visible()


def test_what_waits_in_a_ticket_is_called_off_when_it_changes(
    visitors: Visitors, running: Expedite, anna: Someone, elsewhere: Board
) -> None:
    number = place(running)
    board = stand(visitors, running, anna)
    card(board, number).locator("summary").click()
    cancel = card(board, number).locator("[data-move=cancel]")
    keep_time(board)
    cancel.click()
    expect(cancel).to_have_text(re.compile("Stop"))
    assert elsewhere.move(number, "front").status_code == 303
    expect(board.locator("#toast")).to_contain_text(
        f"Cancel of {short(number)} was called off: the ticket has changed"
    )
    expect(cancel).to_have_text(re.compile("Cancel"))
    sent: list[str] = []
    board.on("request", lambda request: sent.append(request.method))
    board.clock.run_for(3_500)
    board.evaluate("fetch('/health/live')")  # what was sent before it is heard of before it
    assert "POST" not in sent
    assert running.status(number) == "received"


def test_what_waits_in_a_ticket_is_called_off_when_it_leaves(
    visitors: Visitors, running: Expedite, anna: Someone, elsewhere: Board
) -> None:
    number = place(running)
    for move in ("start", "ready"):
        assert elsewhere.move(number, move).status_code == 303
    board = stand(visitors, running, anna)
    sent: list[str] = []
    board.on("request", lambda request: sent.append(request.method))
    keep_time(board)
    main_button(board, number).click()
    expect(main_button(board, number)).to_have_text(re.compile("Stop"))
    assert elsewhere.move(number, "complete").status_code == 303
    expect(board.locator("#toast")).to_contain_text(
        f"Collected of {short(number)} was called off: the ticket has left the board"
    )
    board.clock.run_for(3_500)
    board.evaluate("fetch('/health/live')")  # what was sent before it is heard of before it
    assert "POST" not in sent


def test_what_comes_twice_calls_nothing_off(
    visitors: Visitors, running: Expedite, anna: Someone, elsewhere: Board
) -> None:
    """As the card that a move's answer brings, and the stream."""
    number = place(running)
    for move in ("start", "ready"):
        assert elsewhere.move(number, move).status_code == 303
    board = stand_untold(visitors, running, anna)
    html = board.evaluate(
        """async (number) => {
            const page = await (await fetch("/board")).text();
            return new DOMParser().parseFromString(page, "text/html").getElementById(number).outerHTML;
        }""",
        number,
    )
    tell(board, cards={number: html})
    main_button(board, number).click()
    expect(main_button(board, number)).to_have_text(re.compile("Stop"))
    tell(board, cards={number: html})
    eventually(lambda: running.status(number) == "completed")


def test_the_answer_to_a_move_waits_for_a_finger_too(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    first, second = place(running), place(running)
    board = stand(visitors, running, anna)
    board.keyboard.press("ArrowLeft")
    expect(main_button(board, second)).to_contain_text("2")
    box = main_button(settled(board), first).bounding_box()
    assert box
    board.mouse.move(box["x"] + 20, box["y"] + 20)
    board.mouse.down()
    with board.expect_response("**/start"):
        board.keyboard.press("2")
    board.wait_for_timeout(300)  # the answer is read by now
    expect(card(board, second, "waiting")).to_have_count(1)
    board.mouse.up()
    for number in (first, second):
        expect(card(board, number, "cooking")).to_be_visible()


def test_a_move_is_made_though_its_card_could_not_be_read(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number = place(running)
    board = stand_untold(visitors, running, anna)
    main_button(board, number).click()
    expect(card(board, number, "cooking")).to_be_visible()

    def without_card(route: Route) -> None:
        answer = route.fetch()
        assert answer.ok
        route.fulfill(response=answer, body="<p data-unread></p>")

    board.route("**/ready", without_card)
    main_button(board, number).click()
    toast = board.locator("#toast")
    expect(toast).to_contain_text(f"{short(number)} is ready")
    expect(toast.get_by_role("button", name="Undo")).to_be_visible()
    expect(card(board, number, "cooking")).to_be_visible()  # until the stream brings it
    tell(board, cards={number: Board.of(running, anna).card(number)})
    expect(card(board, number, "ready")).to_be_visible()
