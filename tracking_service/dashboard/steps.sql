-- How long the orders that were placed from :since up to :ends stayed in each step, by day and type; the day after
-- begins with :begins.
--
-- Orders are found by ix_orders_placed_at, and each one's rows of the log by its key, however many there are: a join
-- might read the log of years. @{forward} are the pairs of a step's status and a status that follows it: what an order
-- does not leave that way in the end is not counted (steps.py says why). A log may have rows of the same status one
-- after the other, which are one stay.
with placed as (
    select id, order_type, placed_at >= :begins as is_day from orders where placed_at >= :since and placed_at < :ends
), stays as (
    select p.is_day, p.order_type, p.id as order_id, l.*
    from placed p cross join lateral (
        select status, sequence, changed_at as came_at, lead(changed_at) over along as left_at,
            (status, lead(status) over along) in (@{forward}) as is_forward
        from order_status_log where order_id = p.id
        window along as (order by sequence)
    ) l
), passed as (
    select is_day, order_type, status, extract(epoch from sum(left_at - came_at))::float8 as seconds
    from stays group by is_day, order_type, order_id, status
    having max(sequence) = max(sequence) filter (where is_forward)
)
select is_day, status, order_type, count(*) as orders,
    percentile_cont(0.5) within group (order by seconds) as median,
    percentile_cont(0.95) within group (order by seconds) as p95
from passed group by is_day, status, order_type
