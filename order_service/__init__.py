"""The front door: placing, reading and cancelling orders. Run it with `nameko run --config config.yml
order_service`."""

from order_service.service import OrderService

__all__ = ["OrderService"]
