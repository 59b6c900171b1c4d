"""The board's page, and what its forms do.

A form is answered with a redirect back to the board. One that a script sends says so (`answer` is "card"), and
gets the order's card as it is now, from the same template: nothing for one that has left the board.
"""

from collections.abc import Mapping

from common.accounts.identity import Caller
from common.errors import IllegalMove, Invalid, NotFound, Refusal, Unavailable
from common.orders.lifecycle import ORDER_TYPES
from common.pages import Page, Redirect
from kitchen_service.board.board import KitchenBoard
from kitchen_service.board.lanes import ALL

Fields = Mapping[str, str]

_SAID_IN_PLACE = (IllegalMove, Invalid, NotFound, Unavailable)  # for staff, who are on the board


def board(board: KitchenBoard, query: Fields, caller: Caller) -> Page:
    """The board; `type` in the query is the one order type to show. Raises Unauthorized and Forbidden."""
    person = board.staff(caller)
    return Page("board.html", person, {"board": board.shown(), "shown_type": shown_type(query)})


def move(board: KitchenBoard, number: str, name: str, form: Fields, caller: Caller) -> Page | Redirect:
    """Makes a move. Raises Unauthorized and Forbidden; what else is refused is said on the page."""
    person = board.staff(caller)
    is_by_script = form.get("answer") == "card"
    try:
        board.move(number, name, form, person)
    except _SAID_IN_PLACE as refusal:
        said = in_words(refusal)
        if is_by_script:
            return Page("moved.html", person, {**_read(board, number), "said": said}, refusal.status)
        values = {"refusal": refusal, "said": said, "back": _back(form)}
        return Page("not_moved.html", person, values, refusal.status)
    if is_by_script:
        return Page("moved.html", person, {**_read(board, number), "said": None})
    return Redirect(f"{_back(form)}#{number}")


def _read(board: KitchenBoard, number: str) -> dict[str, object]:
    """An order's card, for a script. Without PostgreSQL nobody knows it, and what was moved stays moved: the
    stream brings the card later."""
    try:
        return {"card": board.card(number), "is_unread": False}
    except Unavailable:
        return {"card": None, "is_unread": True}


def of_one(board: KitchenBoard, template: str, number: str, caller: Caller) -> Page:
    """A page about one order that is on the board. Raises Unauthorized, Forbidden and NotFound."""
    person = board.staff(caller)
    card = board.card(number)
    if card is None:
        raise NotFound("That order is on the board no more.")
    return Page(template, person, {"card": card})


def in_words(refusal: Refusal) -> str:
    """What is wrong, for who stands in front of the board."""
    errors = refusal.extra.get("errors")
    return str(errors[0]["message"]) if errors else refusal.detail


def shown_type(fields: Fields) -> str:
    """Which order type is shown, by the query or a form."""
    given = fields.get("type", ALL)
    return given if given in ORDER_TYPES else ALL


def _back(form: Fields) -> str:
    order_type = shown_type(form)
    return "/board" if order_type == ALL else f"/board?type={order_type}"
