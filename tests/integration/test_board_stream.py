"""What an open board is told: each change once, to all boards the same, and what was missed to one that comes
back."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from devstack import launcher
from tests.support import people
from tests.support.boards import Board
from tests.support.events import Listener
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tests.support.people import Someone


@pytest.fixture(scope="module")
def kitchen(running: Expedite) -> Expedite:
    launcher.run_module(["order_service.menu.starter"], ROOT, running.environment())
    running.start("order_service", **people.NO_LIMITS)
    running.start_worker("pass", COOKING="staffed")
    return running


@pytest.fixture(scope="module")
def anna(kitchen: Expedite) -> Someone:
    return people.register(kitchen, "anna", "employee")


@pytest.fixture
def board(kitchen: Expedite, anna: Someone) -> Board:
    return Board.of(kitchen, anna)


class Screen(Listener):
    """A board that listens, and what it has been told."""

    def told(self, member: str) -> list[Any]:
        return [event.data[member] for event in self.of("change", "reset") if member in event.data]

    def now(self, member: str) -> Any:
        """What it said last. Raises KeyError when nothing came yet."""
        if not self.told(member):
            raise KeyError(member)
        return self.told(member)[-1]

    def card(self, number: str) -> str:
        """The order's card as it came last; empty when none came."""
        return next((cards[number] for cards in reversed(self.told("cards")) if number in cards), "")

    def shows(self, number: str, lane: str) -> bool:
        return f'data-lane="{lane}"' in self.card(number) and number in self.now("open")


@pytest.fixture
def screen(board: Board, anna: Someone) -> Iterator[Screen]:
    """One that was loaded just now."""
    screen = opened(board)
    yield screen
    screen.stop()


def without_time(card: str) -> str:
    """A card as it is at any second."""
    return re.sub(r"\d+:\d\d</span></time>|<rect width=\"[\d.]+\"|\s+", " ", card).strip()


def state_of(board: Board) -> str:
    """The id of the state that the page shows."""
    found = re.search(r'data-after="([^"]+)"', board.get().text)
    assert found
    return found[1]


def opened(board: Board, after: str | None = None) -> Screen:
    assert board.who is not None
    screen = Screen(f"{board.url}/board/stream?after={after or state_of(board)}")
    screen.start(**board.who.headers)
    return screen


def test_a_board_that_is_only_looked_at_stays_signed_in(board: Board, anna: Someone) -> None:
    age = timedelta(hours=11)
    session = people.session_of(anna, iat=-age, exp=timedelta(hours=12) - age)
    with requests.get(
        f"{board.url}/board/stream", headers={"Cookie": f"expedite={session}"}, stream=True, timeout=15
    ) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        renewed = answer.cookies["expedite"]
    assert renewed != session


def test_an_order_that_comes_is_told_with_its_card_and_what_is_counted(
    kitchen: Expedite, board: Board, screen: Screen
) -> None:
    number = kitchen.place_number(items=[{"name": "Espresso", "quantity": 3, "price": 2.8}])
    screen.wait(lambda: screen.shows(number, "waiting"))
    screen.wait(lambda: screen.now("counts")["waiting"]["takeout"] >= 1)
    screen.wait(lambda: "Espresso" in screen.now("all-day"))


def test_its_card_is_that_of_the_page(kitchen: Expedite, board: Board, screen: Screen) -> None:
    number = kitchen.place_number(allergies=["milk"])
    screen.wait(lambda: screen.shows(number, "waiting"))
    eventually(lambda: kitchen.query("select accepted_by from orders where number = %s", number)[0][0])
    screen.wait(lambda: "data-waits-for-a-worker" not in screen.card(number))
    assert without_time(screen.card(number)) == without_time(board.card(number))


def test_each_move_is_told_and_who_made_the_last_one(kitchen: Expedite, board: Board, screen: Screen) -> None:
    number = kitchen.place_number()
    for move, lane in (("start", "cooking"), ("ready", "ready")):
        assert board.move(number, move).status_code == 303
        screen.wait(lambda lane=lane: screen.shows(number, lane))
    assert board.move(number, "complete").status_code == 303
    screen.wait(lambda: number not in screen.now("open"))
    assert board.who is not None
    screen.wait(lambda: any(gone.get(number) == board.who.username for gone in screen.told("gone")))


def test_what_changes_no_status_is_told_too(kitchen: Expedite, board: Board, screen: Screen) -> None:
    number = kitchen.place_number()
    assert board.move(number, "front").status_code == 303
    screen.wait(lambda: "Front</span>" in screen.card(number))
    for move in ("start", "cancel"):
        assert board.move(number, move).status_code == 303
    screen.wait(lambda: "Stopped, clear it" in screen.card(number))
    assert board.move(number, "clear").status_code == 303
    screen.wait(lambda: number not in screen.now("open"))


def test_of_what_is_cleared_nobody_is_said_to_have_moved_it(
    kitchen: Expedite, board: Board, screen: Screen
) -> None:
    number = kitchen.place_number()
    for move in ("start", "cancel"):
        assert board.move(number, move).status_code == 303
    screen.wait(lambda: "Stopped, clear it" in screen.card(number))
    state = state_of(board)
    assert board.move(number, "clear").status_code == 303
    # All boards share one look: what one has been told, one that comes back is told in one step.
    screen.wait(lambda: number not in screen.now("open"))
    away = opened(board, state)
    away.wait(lambda: away.told("open"))
    assert number not in away.now("open")
    assert all(number not in gone for gone in away.told("gone"))
    away.stop()


def test_a_customer_who_cancels_is_told_at_once(kitchen: Expedite, screen: Screen) -> None:
    placed = kitchen.place()
    number = placed["order_number"]
    eventually(lambda: kitchen.query("select accepted_by from orders where number = %s", number)[0][0])
    assert requests.post(kitchen.with_key(placed, "/cancel"), timeout=15).status_code == 200
    screen.wait(lambda: "by the customer" in screen.card(number))


def test_nothing_is_missed_between_the_page_and_its_stream(kitchen: Expedite, board: Board) -> None:
    state = state_of(board)
    number = kitchen.place_number()
    screen = opened(board, state)
    screen.wait(lambda: screen.card(number))
    screen.stop()


def test_one_that_comes_back_is_told_what_it_missed_and_only_that(kitchen: Expedite, board: Board) -> None:
    before, during, gone = (kitchen.place_number() for _ in range(3))
    for move in ("start", "ready"):
        assert board.move(gone, move).status_code == 303
    eventually(lambda: kitchen.query("select 1 from orders where number = %s and accepted_by is not null", before))
    state = state_of(board)
    assert board.move(during, "start").status_code == 303
    assert board.move(gone, "complete").status_code == 303
    screen = opened(board, state)
    screen.wait(lambda: screen.shows(during, "cooking"))
    assert screen.of("change", "reset")[0].name == "change"
    # Perhaps in a second step: the look that all share may have begun before it was completed.
    screen.wait(lambda: gone not in screen.now("open"))
    assert screen.card(before) == ""
    screen.stop()


@pytest.mark.parametrize("after", ["nonsense", "999999999:999999999:"])
def test_one_whose_state_is_none_of_ours_is_told_all(kitchen: Expedite, board: Board, after: str) -> None:
    number = kitchen.place_number()
    screen = opened(board, after)
    screen.wait(lambda: screen.of("reset"))
    assert screen.of("change", "reset")[0].name == "reset"
    assert set(screen.told("cards")[0]) == set(screen.told("open")[0])
    # Perhaps in a second step: the look that all share may have begun before the order came.
    screen.wait(lambda: number in screen.now("open"))
    screen.stop()


def test_all_boards_are_told_the_same(kitchen: Expedite, board: Board) -> None:
    state = state_of(board)
    screens = [opened(board, state) for _ in range(3)]
    number = kitchen.place_number()
    # Else its card changes a second time: until then it says that no worker has the order.
    eventually(lambda: kitchen.query("select accepted_by from orders where number = %s", number)[0][0])
    assert board.move(number, "start").status_code == 303
    for screen in screens:
        screen.wait(lambda each=screen: each.shows(number, "cooking"))
        screen.stop()
    assert len({without_time(screen.card(number)) for screen in screens}) == 1


def test_a_dish_that_contains_something_else_now_makes_boards_load_anew(
    kitchen: Expedite, board: Board, screen: Screen
) -> None:
    number = kitchen.place_number()
    screen.wait(lambda: screen.card(number))
    before = re.findall(r'data-menu="(\w+)"', board.get().text)
    kitchen.query("update menu_items set allergens = '{nuts}' where name = 'Tiramisu'")
    screen.wait(lambda: [screen.now("menu")] != before)
    eventually(lambda: re.findall(r'data-menu="(\w+)"', board.get().text) == [screen.now("menu")])


def test_a_worker_that_goes_leaves_its_types_to_nobody(kitchen: Expedite, board: Board, screen: Screen) -> None:
    waiter = kitchen.start_worker("oven", PREFETCH=1, COOKING_SPEED=0.001, ORDER_TYPES="delivery")
    number = kitchen.place_number()
    screen.wait(lambda: screen.card(number))
    assert screen.told("uncovered") in ([], [[]])
    # Or it is accepted after what is done to it now.
    eventually(lambda: kitchen.query("select accepted_by from orders where number = %s", number)[0][0])
    kitchen.query("update workers set order_types = '{dine_in}' where name = 'pass'")
    kitchen.query("update orders set accepted_by = null where number = %s", number)
    screen.wait(lambda: screen.now("uncovered") == ["takeout"])
    screen.wait(lambda: "No worker online takes takeout" in screen.now("nobody-head"))
    assert waiter.stop() == 0
    screen.wait(lambda: screen.now("workers").strip() == "1 worker")
