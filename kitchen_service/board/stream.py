"""What an open board is told when something changes: the HTML of the page's own templates, and where it
belongs."""

from collections.abc import Callable, Mapping
from typing import Any

from kitchen_service.board import lanes
from kitchen_service.board.shown import Shown

#: Pieces of the page that are replaced as a whole: the element's id, and the template.
PIECES = {
    "all-day": "all_day.html",
    "nobody-head": "nobody.html",
    "hidden-band": "hidden.html",
    "recall": "recall.html",
}
_CAN_BE_EMPTY = (lanes.WAITING, lanes.COOKING, lanes.READY)


def changed(shown: Shown, gone: Mapping[str, str], render: Callable[..., str]) -> dict[str, Any]:
    """The members of an event (see common.live): the cards that have changed, and the rest as it is.

    | member | what it says |
    | --- | --- |
    | cards | by number, the HTML of each card that has changed; where it belongs stands in it |
    | gone | by number, who moved an order that is on the board no more |
    | open | the numbers of all that are on the board: what is not among them goes |
    | uncovered | the order types of orders that wait for a worker, and no worker online takes |
    | days | the numbers that show their day |
    | counts | by lane and order type |
    | workers | how many are online, in words |
    | menu | another text than the page has: what dishes contain has changed, and it loads itself anew |
    | each of PIECES, and empty-<lane> | the HTML inside the element with that id |
    """
    pieces = {piece: render(template, board=shown) for piece, template in PIECES.items()}
    for lane in _CAN_BE_EMPTY:
        pieces[f"empty-{lane}"] = render("empty.html", board=shown, lane=lane)
    members: dict[str, Any] = {
        "open": shown.numbers,
        "uncovered": [each.order_type for each in shown.uncovered],
        "days": shown.with_their_day,
        "counts": shown.counts,
        "workers": render("workers.html", board=shown),
        "menu": shown.menu,
        **pieces,
    }
    if shown.cards:
        members["cards"] = {card.ticket.number: render("card.html", card=card) for card in shown.cards}
    if gone:
        members["gone"] = dict(gone)
    return members
