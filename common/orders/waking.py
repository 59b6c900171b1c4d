"""What wakes those who wait for changes: PostgreSQL's notifications."""

#: The channel for the outbox's rows, by their trigger. The relay waits for them, and screens for placed orders.
OUTBOX = "outbox"
#: The channel for orders that have changed since: each notification tells an order's id.
ORDERS = "orders"
#: The channel for heartbeats, and workers that come and go; by a trigger of their table.
WORKERS = "workers"


def wake_screens(order_id: str = "id") -> str:
    """SQL: tells that an order has changed, when the transaction is committed. A column of the rows that a
    statement returns; `order_id` is SQL, too."""
    return f"pg_notify('{ORDERS}', cast({order_id} as text))"
