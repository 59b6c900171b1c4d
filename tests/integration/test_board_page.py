"""The kitchen's board: who may see it, what it shows, and the moves that are made on it, by forms and scripts."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack import launcher
from tests.support import people
from tests.support.boards import Board
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tests.support.people import Someone

SCRIPT = "<script>alert(1)</script>"
SALAD = {"name": "Caesar Salad", "quantity": 1, "price": 8.99}


@pytest.fixture(scope="module")
def kitchen(running: Expedite) -> Expedite:
    """A kitchen of people: they have what was ordered, and move it on."""
    launcher.run_module(["order_service.menu.starter"], ROOT, running.environment())
    running.start("order_service", **people.NO_LIMITS)
    running.start_worker("pass", COOKING="staffed", ORDER_TYPES="dine_in,takeout")
    return running


@pytest.fixture(scope="module")
def anna(kitchen: Expedite) -> Someone:
    return people.register(kitchen, "anna", "employee")


@pytest.fixture(scope="module")
def luigi(kitchen: Expedite) -> Someone:
    return people.register(kitchen, "luigi", "admin")


@pytest.fixture
def board(kitchen: Expedite, anna: Someone) -> Board:
    return Board.of(kitchen, anna)


@pytest.fixture
def other(kitchen: Expedite, luigi: Someone) -> Board:
    """Another board, with somebody else at it."""
    return Board.of(kitchen, luigi)


def an_order_that_is(status: str, board: Board, kitchen: Expedite, **changes: Any) -> str:
    """An order that was moved there on the board."""
    number = kitchen.place_number(**changes)
    kitchen_type = changes.get("order_type", "takeout")
    if kitchen_type != "delivery":
        eventually(lambda: kitchen.query("select accepted_by from orders where number = %s", number)[0][0])
    for move in {
        "received": (),
        "cooking": ("start",),
        "ready": ("start", "ready"),
        "out_for_delivery": ("start", "ready", "dispatch"),
        "cancelled": ("start", "cancel"),
    }[status]:
        assert board.move(number, move).status_code == 303
    assert kitchen.status(number) == status
    return number


# --- who -------------------------------------------------------------------------------------------------


def test_a_guest_is_led_to_the_door_and_back(kitchen: Expedite) -> None:
    answer = Board.of(kitchen).get("/board?type=takeout")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{kitchen.url('order_service')}/sign-in?next=")
    assert answer.headers["Location"].endswith("%2Fboard%3Ftype%3Dtakeout")


def test_a_customer_gets_a_page_that_says_no(kitchen: Expedite) -> None:
    board = Board.of(kitchen, people.register(kitchen, "cleo"))
    number = kitchen.place_number()
    for answer in (board.get(), board.get(f"/board/{number}/slip"), board.move(number, "start")):
        assert answer.status_code == 403
        assert "This is for staff" in answer.text
    assert kitchen.status(number) == "received"


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_what_another_site_sends_moves_nothing(kitchen: Expedite, board: Board, origin: str) -> None:
    number = kitchen.place_number()
    answer = Board(board.url, board.who, origin).move(number, "start")
    assert answer.status_code == 403
    assert kitchen.status(number) == "received"


# --- what it shows ---------------------------------------------------------------------------------------


def test_an_order_goes_from_lane_to_lane(kitchen: Expedite, board: Board) -> None:
    number = an_order_that_is("received", board, kitchen)
    lanes = [board.lane(number)]
    for move in ("start", "ready", "recall", "ready"):
        answer = board.move(number, move)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/board#{number}")
        lanes.append(board.lane(number))
    assert lanes == ["waiting", "cooking", "ready", "cooking", "ready"]
    assert board.move(number, "complete").status_code == 303
    assert board.lane(number) == ""
    moves = kitchen.query(
        "select l.status, l.changed_by from order_status_log l join orders o on o.id = l.order_id"
        " where number = %s order by l.sequence",
        number,
    )
    assert board.who is not None
    assert [by for _, by in moves] == ["customer", *[board.who.username] * 5]


def test_a_delivery_goes_out_and_arrives(kitchen: Expedite, board: Board) -> None:
    number = an_order_that_is(
        "out_for_delivery", board, kitchen, order_type="delivery", delivery_address="12 Harbour Street"
    )
    assert board.lane(number) == "away"
    assert board.move(number, "complete").status_code == 303
    assert kitchen.status(number) == "completed"


def test_what_no_worker_online_takes_stands_in_a_lane_of_its_own_until_somebody_begins_it(
    kitchen: Expedite, board: Board
) -> None:
    number = kitchen.place_number(order_type="delivery", delivery_address="12 Harbour Street")
    assert board.lane(number) == "nobody"
    assert "No worker online takes delivery" in board.get().text
    assert board.move(number, "start").status_code == 303
    assert board.lane(number) == "cooking"


def test_the_allergy_names_the_dish_that_contains_it(kitchen: Expedite, board: Board) -> None:
    number = kitchen.place_number(items=[SALAD], allergies=["fish", "lupin"])
    card = board.card(number)
    assert "Allergy · fish, lupin" in card
    assert re.search(r"<bdi>Caesar Salad</bdi> contains fish\b", card)
    none = board.card(kitchen.place_number(items=[SALAD], allergies=["lupin"]))
    assert "no dish here contains it" in none
    unknown = [{"name": "House Special", "quantity": 1, "price": 5}]
    assert "<bdi>House Special</bdi> is not on the menu" in board.card(
        kitchen.place_number(items=unknown, allergies=["lupin"])
    )


def test_what_was_typed_is_text_on_the_board(kitchen: Expedite, board: Board) -> None:
    items = [{"name": f"Pie {SCRIPT}", "quantity": 1, "price": 5, "note": f"hot {SCRIPT}"}]
    number = an_order_that_is("cooking", board, kitchen, items=items)
    assert board.move(number, "cancel", reason=f"no {SCRIPT}").status_code == 303
    text = board.get().text
    assert SCRIPT not in text
    assert text.count("&lt;script&gt;") >= 3
    failed = an_order_that_is("received", board, kitchen, items=items)
    assert SCRIPT not in board.get(f"/board/{failed}/fail").text
    assert SCRIPT not in board.get(f"/board/{failed}/slip").text


def test_a_filter_counts_what_it_hides(kitchen: Expedite, board: Board) -> None:
    kitchen.place_number()
    text = board.get("/board?type=dine_in").text
    assert 'data-type="dine_in"' in text
    assert re.search(r"<strong>\d+ tickets? (is|are) not shown</strong>", text)
    assert board.get("/board?type=<script>").text.count('data-type="all"') == 1


def test_a_move_comes_back_to_the_same_filter(kitchen: Expedite, board: Board) -> None:
    number = kitchen.place_number()
    answer = board.move(number, "start", type="takeout")
    assert answer.headers["Location"] == f"/board?type=takeout#{number}"
    assert board.move(number, "ready", type="//evil.example").headers["Location"] == f"/board#{number}"


def test_it_has_no_script_and_no_style_in_it(kitchen: Expedite, board: Board) -> None:
    answer = board.get()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'; style-src 'self'" in policy


# --- moves by scripts ------------------------------------------------------------------------------------


def test_a_script_gets_the_card_as_it_is_now_and_nothing_of_what_has_left(kitchen: Expedite, board: Board) -> None:
    number = an_order_that_is("received", board, kitchen)
    answer = board.move_by_script(number, "start")
    assert answer.status_code == 200
    assert f'id="{number}"' in answer.text
    assert 'data-lane="cooking"' in answer.text
    assert 'data-lane="ready"' in board.move_by_script(number, "ready").text
    gone = board.move_by_script(number, "complete")
    assert (gone.status_code, gone.text.strip()) == (200, "")


def test_who_comes_second_is_told_who_was_first(kitchen: Expedite, board: Board, other: Board) -> None:
    number = an_order_that_is("cooking", board, kitchen)
    assert board.move_by_script(number, "ready").status_code == 200
    assert board.who is not None
    second = other.move_by_script(number, "ready")
    assert second.status_code == 409
    assert re.search(rf"<p data-words>{board.who.username} moved it (just now|\d s ago)</p>", second.text)
    assert 'data-lane="ready"' in second.text
    without = other.move(number, "cancel")
    assert without.status_code == 409
    assert "Nothing was moved" in without.text
    assert f"{board.who.username} moved it" in without.text


def test_the_same_move_again_by_the_same_person_is_no_fault(kitchen: Expedite, board: Board) -> None:
    number = an_order_that_is("cooking", board, kitchen)
    assert [board.move_by_script(number, "ready").status_code for _ in range(2)] == [200, 200]
    assert kitchen.history(number) == ["received", "cooking", "ready"]


def test_of_two_at_once_one_moves_it_and_the_other_is_told(kitchen: Expedite, board: Board, other: Board) -> None:
    for _ in range(5):
        number = an_order_that_is("cooking", board, kitchen)
        with ThreadPoolExecutor(2) as at_once:
            answers = list(at_once.map(lambda each, n=number: each.move_by_script(n, "ready"), (board, other)))
        by_status = {answer.status_code: answer for answer in answers}
        assert set(by_status) == {200, 409}
        winner = kitchen.query(
            "select changed_by from order_status_log l join orders o on o.id = l.order_id"
            " where number = %s and l.status = 'ready'",
            number,
        )
        assert len(winner) == 1
        assert f"{winner[0][0]} moved it" in by_status[409].text


def test_start_is_no_recall(kitchen: Expedite, board: Board, other: Board) -> None:
    """Both lead to cooking: a board that is behind must not take back what is ready."""
    number = an_order_that_is("ready", board, kitchen)
    assert other.move_by_script(number, "start").status_code == 409
    assert kitchen.status(number) == "ready"


def test_a_recall_is_possible_for_a_while(kitchen: Expedite, board: Board) -> None:
    number = an_order_that_is("ready", board, kitchen)
    assert f"/board/{number}/recall" in board.get().text
    kitchen.query("update orders set completed_at = now() - interval '11 minutes' where number = %s", number)
    assert f"/board/{number}/recall" not in board.get().text
    answer = board.move_by_script(number, "recall")
    assert answer.status_code == 409
    assert "ready for too long" in answer.text
    assert kitchen.status(number) == "ready"


@pytest.mark.parametrize("move", ["start", "ready", "front", "clear", "fail", "send-again", "nonsense"])
def test_an_order_or_a_move_that_there_is_not(kitchen: Expedite, board: Board, move: str) -> None:
    for number in ("ORD_20200101_001", "nonsense"):
        assert board.move_by_script(number, move, reason="x").status_code == 404
        assert board.move(number, move, reason="x").status_code == 404


# --- the others ------------------------------------------------------------------------------------------


def test_to_the_front_and_back(kitchen: Expedite, board: Board) -> None:
    first, second = (an_order_that_is("received", board, kitchen) for _ in range(2))
    order = board.get().text.index
    assert order(f'id="{first}"') < order(f'id="{second}"')
    assert "Front</span>" in board.move_by_script(second, "front").text
    order = board.get().text.index
    assert order(f'id="{second}"') < order(f'id="{first}"')
    assert "Front</span>" not in board.move_by_script(second, "front", undo="yes").text
    order = board.get().text.index
    assert order(f'id="{first}"') < order(f'id="{second}"')


def test_what_was_stopped_stays_until_somebody_clears_it(kitchen: Expedite, board: Board) -> None:
    number = an_order_that_is("cancelled", board, kitchen)
    assert board.lane(number) == "cooking"
    assert "Stopped, clear it" in board.card(number)
    assert board.move(number, "clear").status_code == 303
    assert board.lane(number) == ""
    assert kitchen.status(number) == "cancelled"


def test_what_cannot_be_made_fails_and_is_sold_out_if_wanted(kitchen: Expedite, board: Board) -> None:
    def is_sold(dish: str) -> bool:
        return bool(kitchen.query("select available from menu_items where name = %s", dish)[0][0])

    first, second = (an_order_that_is("received", board, kitchen, items=[SALAD]) for _ in range(2))
    assert "Caesar Salad" in board.get(f"/board/{first}/fail").text
    assert board.move(first, "fail", dish="Caesar Salad").status_code == 303
    assert kitchen.status(first) == "failed"
    assert is_sold("Caesar Salad")
    assert re.search(r"by <bdi>anna-\d+</bdi>: <bdi>out of Caesar Salad</bdi>", board.card(first))
    try:
        assert board.move(second, "fail", dish="Caesar Salad", sell_out="yes").status_code == 303
        assert not is_sold("Caesar Salad")
    finally:
        kitchen.query("update menu_items set available = true")


def test_nothing_is_sold_out_by_a_move_that_is_refused(kitchen: Expedite, board: Board) -> None:
    number = an_order_that_is("ready", board, kitchen, items=[SALAD])
    assert board.move(number, "fail", dish="Caesar Salad", sell_out="yes").status_code == 409
    assert kitchen.query("select available from menu_items where name = 'Caesar Salad'") == [(True,)]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Say what is out"),
        ({"dish": "", "reason": "  "}, "Say what is out"),
        ({"dish": "Tiramisu"}, "no such dish"),
        ({"dish": "\0"}, "no such dish"),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"reason": "two\nlines"}, "a line"),
    ],
)
def test_what_cannot_be_made_needs_a_reason(
    kitchen: Expedite, board: Board, fields: dict[str, str], words: str
) -> None:
    number = an_order_that_is("received", board, kitchen, items=[SALAD])
    answer = board.move_by_script(number, "fail", **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert kitchen.status(number) == "received"


def test_a_number_that_two_open_orders_share_shows_the_older_ones_day(kitchen: Expedite, board: Board) -> None:
    number = kitchen.place_number()
    short = number.rpartition("_")[2]
    kitchen.query(
        "insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,"
        " sequence, placed_at, updated_at)"
        " values (%s, 'Old', 'takeout', 1, 1, 1, 'ready', 1, now() - interval '1 day', now())",
        f"ORD_20200229_{short}",
    )
    assert "shows-day" in board.card(f"ORD_20200229_{short}")
    assert "29 Feb" in board.card(f"ORD_20200229_{short}")
    assert "shows-day" not in board.card(number)
    kitchen.query("delete from orders where number = %s", f"ORD_20200229_{short}")


def test_an_empty_lane_says_when_the_last_one_went(kitchen: Expedite, board: Board) -> None:
    an_order_that_is("ready", board, kitchen)
    kitchen.query("update orders set status = 'completed'")
    text = board.get().text
    assert "Nothing is cooking" in text
    now = datetime.now(UTC)
    hours = {f"{moment:%H}" for moment in (now, now - timedelta(minutes=5))}  # it may be a new one by now
    assert re.search(rf"The last one was ready at ({'|'.join(hours)}):\d\d", text)
