"""Which moves a ticket offers, and what they are called."""

from dataclasses import dataclass

from common.orders import lifecycle
from common.orders.lifecycle import CANCELLED, DELIVERY, DINE_IN, EMPLOYEE, FAILED, KITCHEN, RECEIVED, TAKEOUT

START = "start"
MAKE_READY = "ready"
RECALL = "recall"
DISPATCH = "dispatch"
COMPLETE = "complete"
FRONT = "front"
CLEAR = "clear"
CANCEL = "cancel"
FAIL = "fail"
SEND_AGAIN = "send-again"

#: Each move that gives another status: which one, and the one that it is made from where that is not clear by it.
STEPS: dict[str, tuple[str, str | None]] = {
    **lifecycle.STEPS,
    CANCEL: (CANCELLED, None),
    SEND_AGAIN: (RECEIVED, FAILED),
}

#: All moves of the board.
MOVES = (*STEPS, FRONT, CLEAR)

_WORDS = {
    START: "Start",
    MAKE_READY: "Ready",
    DISPATCH: "Send out",
    SEND_AGAIN: "Send again",
    RECALL: "Recall",
    CANCEL: "Cancel",
    FAIL: "Can’t make",
}
_COMPLETE = {DINE_IN: "Served", TAKEOUT: "Collected", DELIVERY: "Delivered"}
#: The one move that most want of a ticket, by its status; the first that it offers.
_MAIN = (START, MAKE_READY, DISPATCH, COMPLETE)
#: There is no way back from these, so they wait for a moment in which they can be called off.
_FINAL = (DISPATCH, COMPLETE, CANCEL)


@dataclass(frozen=True)
class Offer:
    """A move, the word for it, and whether it `waits` for a moment before it is made."""

    move: str
    word: str
    waits: bool = False


@dataclass(frozen=True)
class Offers:
    """What a ticket offers: the main button, and what stands behind the others."""

    main: Offer | None
    others: tuple[Offer, ...]

    def has(self, move: str) -> bool:
        return any(offer.move == move for offer in self.others)


def offers(status: str, order_type: str, changed_by: str | None, *, was_cooking: bool, is_first: bool) -> Offers:
    """Of an order with that status, which it got from `changed_by`; `is_first`: it was sent to the front. What
    staff may do says the table of moves.

    What failed in the kitchen's queue can be sent there again; what a person said could not be made is cleared.
    """
    targets = lifecycle.targets(status, EMPLOYEE, order_type)
    moves = [move for move, (target, source) in STEPS.items() if target in targets and source in (None, status)]
    if status == RECEIVED:
        moves.append(FRONT)
    if status in (CANCELLED, FAILED):
        moves.append(CLEAR)
    main = next((move for move in _MAIN if move in moves), None)
    if main is None and moves:
        main = SEND_AGAIN if SEND_AGAIN in moves and changed_by == KITCHEN else CLEAR
    made = [
        _offer(move, order_type, was_stopped=was_cooking and status == CANCELLED, is_first=is_first)
        for move in moves
    ]
    return Offers(
        next((offer for offer in made if offer.move == main), None),
        tuple(offer for offer in made if offer.move != main),
    )


def _offer(move: str, order_type: str, *, was_stopped: bool, is_first: bool) -> Offer:
    if move == COMPLETE:
        word = _COMPLETE[order_type]
    elif move == CLEAR:
        word = "Stopped, clear it" if was_stopped else "Clear it"
    elif move == FRONT:
        word = "Put back" if is_first else "To front"
    else:
        word = _WORDS[move]
    return Offer(move, word, move in _FINAL)
