"""The kitchen's board in a browser: moves, the way back from them, and two boards that agree."""

import re

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from tests.browser.kitchen import (
    accepted,
    card,
    cook,
    keep_time,
    main_button,
    place,
    short,
    shown,
    stand,
    stand_untold,
)
from tests.support.browser import Visitors, settled
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import Someone

SALAD = {"name": "Caesar Salad", "quantity": 2, "price": 8.99}


@pytest.fixture(autouse=True)
def _empty(running: Expedite) -> None:
    running.query("truncate orders cascade")
    running.query("update menu_items set available = true")


def agree(*pages: Page) -> None:
    """Until all boards show the same."""
    eventually(lambda: all(shown(page) == shown(pages[0]) for page in pages[1:]))


@pytest.mark.one_of_its_kind
def test_an_order_comes_and_goes_while_one_looks(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    board = stand(visitors, running, anna)
    expect(board.get_by_text("Nothing is waiting")).to_be_visible()
    number = place(running, items=[SALAD], allergies=["fish"])
    ticket = card(board, number, "waiting")
    expect(ticket).to_have_class(re.compile(r"\bnew\b"))
    expect(ticket).to_contain_text("Caesar Salad contains fish")
    expect(board.locator("#said-status")).to_have_text(f"New ticket {short(number)}, takeout")
    expect(board.locator('.lane[data-lane="waiting"] h2')).to_have_text("Waiting 1", use_inner_text=True)
    expect(board.locator("#all-day")).to_contain_text("Caesar Salad")
    main_button(board, number).click()
    expect(card(board, number, "cooking")).to_be_visible()
    expect(board.locator("#toast")).to_be_hidden()  # beginning has no way back, and needs none
    main_button(board, number).click()
    expect(card(board, number, "ready")).to_be_visible()
    expect(board.locator("#all-day")).not_to_contain_text("Caesar Salad")


def test_ready_can_be_undone_for_a_moment(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(running)
    board = stand(visitors, running, anna)
    main_button(board, number).click()
    expect(card(board, number, "cooking")).to_be_visible()
    keep_time(board)
    main_button(board, number).click()
    toast = board.locator("#toast")
    expect(toast).to_contain_text(f"{short(number)} is ready")
    board.clock.run_for(4_500)
    toast.get_by_role("button", name="Undo").click()
    expect(card(board, number, "cooking")).to_contain_text(f"Recalled by {anna.username}")
    assert running.history(number) == ["received", "cooking", "ready", "cooking"]
    board.clock.run_for(100)  # for a frame, in which it is put in its place
    main_button(board, number).click()
    expect(toast).to_contain_text(f"{short(number)} is ready")
    board.clock.run_for(5_500)
    expect(toast).to_be_hidden()  # and then there is no undo any more
    board.keyboard.press("u")
    expect(card(board, number, "ready")).to_be_visible()


def test_what_has_no_way_back_waits_and_can_be_called_off(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number = place(running)
    board = stand(visitors, running, anna)
    cook(board, number)
    button = main_button(board, number)
    keep_time(board)
    button.click()
    board.clock.run_for(2_500)
    expect(button).to_have_text(re.compile("Stop"))
    assert running.status(number) == "ready"
    button.click()
    expect(button).to_have_text(re.compile("Collected"))
    board.clock.run_for(6_000)
    expect(board.locator("#said-status")).to_have_text(f"Collected of {short(number)} was called off")
    assert running.status(number) == "ready"
    button.click()
    board.clock.run_for(3_500)
    expect(card(board, number)).to_have_count(0)
    assert running.status(number) == "completed"


@pytest.mark.one_of_its_kind
def test_two_boards_bump_one_ticket_at_the_same_moment(
    visitors: Visitors, running: Expedite, anna: Someone, boss: Someone
) -> None:
    number = place(running)
    boards = [stand(visitors, running, who) for who in (anna, boss)]
    main_button(boards[0], number).click()
    sent: list[Route] = []

    def hold(route: Route) -> None:
        sent.append(route)

    for board in boards:
        expect(card(board, number, "cooking")).to_be_visible()
        board.route("**/ready", hold)  # neither knows of the other's when it sends its own
        main_button(board, number).click()
    while len(sent) < len(boards):
        boards[0].wait_for_timeout(20)
    for route in sent:
        route.continue_()
    for board in boards:
        expect(card(board, number, "ready")).to_be_visible()
    [[name]] = running.query(
        "select changed_by from order_status_log l join orders o on o.id = l.order_id"
        " where number = %s and l.status = 'ready'",
        number,
    )
    winner, loser = boards if name == anna.username else reversed(boards)
    expect(winner.locator("#toast")).to_contain_text(f"{short(number)} is ready")
    expect(loser.locator("#said-alert")).to_contain_text(f"{name} moved it")
    expect(loser.locator("#toast")).not_to_contain_text(f"{short(number)} is ready")
    agree(*boards)


def test_what_another_board_moves_says_who_and_stays_for_a_moment(
    visitors: Visitors, running: Expedite, anna: Someone, boss: Someone
) -> None:
    first, second = place(running), place(running)
    one, other = stand(visitors, running, anna), stand(visitors, running, boss)
    keep_time(other)
    main_button(one, first).click()
    gone = other.locator(".gone")
    expect(gone).to_contain_text(f"{anna.username} moved it just now")
    expect(gone.locator(".main-move")).to_be_hidden()
    other.clock.run_for(1_000)
    expect(gone).to_be_visible()
    expect(card(other, first, "cooking")).to_be_visible()
    expect(one.locator(".gone")).to_have_count(0)
    other.clock.run_for(1_500)
    expect(gone).to_have_count(0)
    expect(card(other, second, "waiting")).to_be_visible()
    agree(one, other)


@pytest.mark.one_of_its_kind
def test_a_customers_cancelling_reaches_the_board_and_stays_until_it_is_seen(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    placed = running.place()
    number = placed["order_number"]
    accepted(running, number)
    board = stand(visitors, running, anna)
    assert requests.post(running.with_key(placed, "/cancel"), timeout=15).status_code == 200
    ticket = card(board, number, "waiting")
    expect(ticket).to_contain_text("by the customer")
    expect(board.locator("#said-alert")).to_have_text(f"{short(number)} was cancelled")
    ticket.get_by_role("button", name="Clear it").click()
    expect(ticket).to_have_count(0)


def test_to_the_front_and_back(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    first, second = place(running), place(running)
    board = stand(visitors, running, anna)
    tickets = board.locator('[data-lane="waiting"] .ticket')
    card(board, second).locator("summary").click()
    card(board, second).get_by_role("button", name="To front").click()
    expect(tickets.first).to_have_attribute("id", second)
    expect(card(board, second)).to_contain_text("Front")
    board.locator("#toast").get_by_role("button", name="Undo").click()
    expect(tickets.first).to_have_attribute("id", first)


def test_what_cannot_be_made_is_said_in_the_ticket(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    number = place(running, items=[SALAD])
    board = stand(visitors, running, anna)
    ticket = card(board, number)
    ticket.locator("summary").click()
    ticket.get_by_role("link", name="Can’t make").click()
    ticket.get_by_label("Caesar Salad").check()
    ticket.get_by_label("Sold out on the menu").check()
    ticket.get_by_role("button", name="Can’t make").click()
    expect(ticket).to_contain_text("out of Caesar Salad")
    assert running.status(number) == "failed"
    assert running.query("select available from menu_items where name = 'Caesar Salad'") == [(False,)]


def test_a_filter_counts_what_it_hides(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    takeout, here = place(running), place(running, order_type="dine_in", table_number=4)
    board = stand(visitors, running, anna)
    board.get_by_role("link", name=re.compile("Dine in")).click()
    expect(card(board, here)).to_be_visible()
    expect(card(board, takeout)).to_be_hidden()
    band = board.locator(".hidden-band:visible")
    expect(band).to_contain_text("1 ticket is not shown by this filter")
    expect(board.locator('.lane[data-lane="waiting"] h2')).to_have_text("Waiting 1", use_inner_text=True)
    board.reload()
    expect(card(board, takeout)).to_be_hidden()
    place(running)
    expect(band).to_contain_text("2 tickets are not shown by this filter")
    board.get_by_role("link", name="Show all").click()
    expect(card(board, takeout)).to_be_visible()


def test_what_nobody_takes_stays_there_though_a_filter_hid_it(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number = place(running)
    running.query("update orders set accepted_by = null")
    types = running.query("select order_types from workers")[0][0]
    running.query("update workers set order_types = '{dine_in}'")
    try:
        board = stand_untold(visitors, running, anna, "/board?type=dine_in")
        board.get_by_role("link", name="Show all").click()
        card(board, number, "nobody").locator("summary").click()
        card(board, number).get_by_role("button", name="To front").click()
        expect(card(board, number)).to_contain_text("Front")
        expect(card(board, number, "nobody")).to_be_visible()
    finally:
        running.query("update workers set order_types = %s", types)


def test_nothing_moves_under_a_finger(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    first = place(running)
    board, other = settled(stand(visitors, running, anna)), stand(visitors, running, anna)
    box = main_button(board, first).bounding_box()
    assert box
    board.mouse.move(box["x"] + 20, box["y"] + 20)
    board.mouse.down()
    urgent = place(
        running, items=[{"name": "House Special", "quantity": 10, "price": 20}]
    )  # it is first in the lane
    expect(card(other, urgent)).to_be_visible()
    board.wait_for_timeout(200)  # all boards are told at once
    expect(card(board, urgent)).to_have_count(0)
    assert main_button(board, first).bounding_box() == box
    board.mouse.up()
    expect(card(board, first, "cooking")).to_be_visible()
    expect(card(board, urgent, "waiting")).to_be_visible()


@pytest.mark.one_of_its_kind
def test_what_was_typed_is_text(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    evil = "<img src=x onerror=alert(1)>"
    board = stand(visitors, running, anna)
    board.on("dialog", lambda dialog: visitors.faults.append(dialog.message))
    number = place(running, items=[{"name": evil, "quantity": 1, "price": 5, "note": f"{evil} please"}])
    ticket = card(board, number)
    expect(ticket).to_contain_text(f"{evil} please")
    expect(ticket.locator("img")).to_have_count(0)
    ticket.locator("summary").click()
    ticket.get_by_role("link", name="Can’t make").click()
    expect(ticket.get_by_label(evil)).to_be_visible()


def test_a_dish_that_contains_something_else_is_shown_so_on_all_boards(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    number = place(running, items=[SALAD], allergies=["lupin"])
    board = stand(visitors, running, anna)
    expect(card(board, number)).to_contain_text("no dish here contains it")
    before = running.query("select allergens from menu_items where name = 'Caesar Salad'")[0][0]
    running.query("update menu_items set allergens = '{lupin}' where name = 'Caesar Salad'")
    expect(card(board, number)).to_contain_text("Caesar Salad contains lupin")
    running.query("update menu_items set allergens = %s where name = 'Caesar Salad'", before)


def test_what_opens_in_a_ticket_covers_nothing_and_sends_no_other_into_another_column(
    visitors: Visitors, running: Expedite, anna: Someone
) -> None:
    numbers = [place(running) for _ in range(6)]
    board = stand(visitors, running, anna)

    def boxes() -> list[tuple[float, float, float]]:
        found = [card(board, number).bounding_box() for number in numbers]
        return [(box["x"], box["y"], box["y"] + box["height"]) for box in found if box]

    eventually(lambda: len({x for x, _, _ in boxes()}) == 2)  # the last one has no room in the first column
    settled(board)
    before = boxes()
    for number in numbers[:2]:
        card(board, number).locator("summary").click()
    eventually(lambda: boxes()[1][2] > before[1][2] + 150)
    eventually(lambda: boxes()[2][1] >= boxes()[1][2])  # those below made room
    settled(board)
    assert [x for x, _, _ in boxes()] == [x for x, _, _ in before]
