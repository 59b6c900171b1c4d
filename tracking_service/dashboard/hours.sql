-- What was ordered in each quarter of an hour, from :since up to :ends.
--
-- Orders are found by ix_orders_placed_at. Which hour of which day a quarter belongs to is decided where the house's
-- time zone is known (hours.py): all zones differ from UTC by whole quarters.
select date_bin('15 minutes', placed_at, timestamptz '2000-01-01 00:00Z') as begins,
    count(*) as orders,
    coalesce(sum(total_amount) filter (where status not in (@{no_sale})), 0) as sales,
    count(*) filter (where placed_at < :by_then) as orders_by_then,
    coalesce(sum(total_amount) filter (where placed_at < :by_then and status not in (@{no_sale})), 0) as sales_by_then
from orders
where placed_at >= :since and placed_at < :ends
group by 1
