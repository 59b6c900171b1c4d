"""When an order is over: nobody waits for it, and only accounting needs it."""

from common.orders.lifecycle import CANCELLED, COMPLETED, FAILED, OUT_FOR_DELIVERY, READY

#: SQL: the order `o` is over. One that is ready and that nobody completed is so after a day.
IS_OVER = f"""(o.status in ('{COMPLETED}', '{CANCELLED}', '{FAILED}')
    or (o.status in ('{READY}', '{OUT_FOR_DELIVERY}') and o.updated_at < now() - interval '1 day'))"""
