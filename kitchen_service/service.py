"""kitchen_service: one process is one worker, or with STATIONS many."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import Metric

from common.accounts.identity import Caller
from common.http import Stream
from common.nameko_runtime import health
from common.nameko_runtime.messaging import BROADCAST, event_handler, rpc
from common.orders.events import ORDER_STATUS_CHANGED
from common.orders.messages import OrderPlaced
from common.outbox.relay import Relay
from common.pages import Page, Redirect, Screens, page
from kitchen_service.board import board_page
from kitchen_service.board.board import KitchenBoard
from kitchen_service.dead_letters.letters import DeadLetters
from kitchen_service.kitchen import Kitchen
from kitchen_service.outcomes import Outcome
from kitchen_service.settings import KitchenSettings
from kitchen_service.stove import SERVICE_NAME
from kitchen_service.work_queue import work_queue


class KitchenService(Screens):
    """Takes orders off the work queue, cooks them or hands them to people, and moves them on."""

    name = SERVICE_NAME
    settings_class = KitchenSettings
    needs = (health.DATABASE, health.RABBITMQ)

    kitchen = Kitchen()
    board = KitchenBoard()
    dead_letters = DeadLetters()
    relay = Relay()

    @work_queue
    def work_on_order(self, order: OrderPlaced, attempts: int, worker: str) -> Outcome:
        """The next order of the types that this process takes, for one of its workers; returns what becomes of its
        ticket."""
        return self.kitchen.work_on(order, attempts, worker)

    @event_handler("order_service", ORDER_STATUS_CHANGED, handler_type=BROADCAST, prefilter="kitchen")
    def hear_of_change(self, change: dict[str, object]) -> None:
        """Somebody at the front door moved an order; perhaps the one on this stove."""
        self.kitchen.hear(change)

    @rpc
    def move_order(self, order_number: str, status: str, by: str, reason: str | None = None) -> dict[str, object]:
        """Move an order as a member of staff; what is allowed stands in common/orders/lifecycle.py."""
        return self.kitchen.move(order_number, status, by, reason)

    @rpc
    def front_order(self, order_number: str, by: str, undo: bool = False) -> dict[str, object]:
        """An order that waits is next, or with `undo` waits in its place again."""
        return self.kitchen.front(order_number, by, undo)

    @rpc
    def clear_order(self, order_number: str) -> None:
        """Take an order that was cancelled or failed off the board."""
        self.kitchen.clear(order_number)

    @rpc
    def list_workers(self) -> list[dict[str, object]]:
        """Who works; tracking_service answers the same by HTTP."""
        return self.kitchen.board.workers()

    @rpc
    def list_dead_letters(self, queue: str | None = None, reason: str | None = None) -> list[dict[str, object]]:
        """What could not be processed, and why; `reason` is a part of it."""
        return self.dead_letters.summaries(queue, reason)

    @rpc
    def show_dead_letter(self, letter_id: str) -> dict[str, object]:
        """A dead letter with its body."""
        return self.dead_letters.show(letter_id)

    @rpc
    def replay_dead_letters(
        self, letter_id: str | None = None, queue: str | None = None, reason: str | None = None
    ) -> list[dict[str, object]]:
        """Send one, or all that are meant, back to where they failed."""
        return self.dead_letters.replay(letter_id, queue, reason)

    @rpc
    def drop_dead_letters(
        self, letter_id: str | None = None, queue: str | None = None, reason: str | None = None
    ) -> list[dict[str, object]]:
        """Delete one, or all that are meant."""
        return self.dead_letters.drop(letter_id, queue, reason)

    def measured_now(self) -> Iterable[Metric]:
        """For /metrics: the dead letters, whose number is the same in all processes."""
        return self.dead_letters.measured_now()

    # --- the board ---------------------------------------------------------------------------------------

    @page("GET", "/board")
    def board_page(self, query: Any, caller: Caller = None) -> Page:
        """What waits, what cooks, what is ready; for staff."""
        return board_page.board(self.board, query, caller)

    @page("GET", "/board/stream")
    def board_stream(self, caller: Any, after: str | None = None) -> Stream:
        """What changes on the board, for as long as it is open; for staff."""
        return self.board.stream(caller, after)

    @page("POST", "/board/<order_number>/<move>")
    def move_by_board(self, order_number: str, move: str, form: Any, caller: Caller = None) -> Page | Redirect:
        """One of the board's moves (kitchen_service/board/offers.py)."""
        return board_page.move(self.board, order_number, move, form, caller)

    @page("GET", "/board/<order_number>/slip")
    def slip_page(self, order_number: str, caller: Caller = None) -> Page:
        """A ticket to print."""
        return board_page.of_one(self.board, "slip.html", order_number, caller)

    @page("GET", "/board/<order_number>/fail")
    def cant_make_page(self, order_number: str, caller: Caller = None) -> Page:
        """What is out, so that an order cannot be made."""
        return board_page.of_one(self.board, "cant_make.html", order_number, caller)
