"""The least that a stock nameko service does for a request: what Expedite's handlers are held against.

Nameko's own handler, container, server, access log and number of workers; the same requests as Expedite gets.
"""

from typing import Any

from nameko.web.handlers import http


class EmptyHandler:
    """Answers at once."""

    name = "empty_handler"

    @http("POST", "/orders")
    def place_order(self, _request: Any) -> tuple[int, str]:
        """As if an order had been placed."""
        return 201, "{}"

    @http("GET", "/orders/<order_number>/status")
    def order_status(self, _request: Any, order_number: str) -> str:
        """As if an order had been looked up."""
        return "{}"
