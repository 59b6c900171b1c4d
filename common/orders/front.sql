-- Sends an order that waits to the front of the line, or back to its place; there is a row of the result when there
-- is such an order.
--
-- The order's row is locked first, so of two at once one wins, and neither comes between another's move. The order's
-- row, its log row and its ticket are written together or not at all.
with before as (
    select * from orders where number = :number for update
), changed as (
    update orders o set
        priority = case when cast(:undo as boolean) then o.front_from else @{front} end,
        front_from = case when cast(:undo as boolean) then null else o.priority end,
        front_at = case when cast(:undo as boolean) then null else now() end,
        traceparent = coalesce(:traceparent, o.traceparent),
        -- Not updated_at: it has waited for as long as before.
        sequence = o.sequence + 1,
        -- Its ticket comes now, also if it failed and the one that it had was to come later.
        sent_again_at = now(),
        retry_at = case when o.retry_at > now() then now() else o.retry_at end
    from before b
    where o.id = b.id and b.status = '@{received}' and (b.front_at is not null) = cast(:undo as boolean)
    returning o.*
), logged as (
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at, reason)
    select id, sequence, status, :by, now(), :reason from changed
), sent as (
    insert into outbox (event_id, exchange, routing_key, priority, request_id, traceparent, body)
    select e.id, '@{exchange}', '@{routing_key}.' || c.order_type, c.priority, :request_id, c.traceparent, @{body}
    from changed c cross join lateral (select gen_random_uuid() as id where c.id is not null) e
    where c.accepted_by is null  -- people who have it need no ticket
)
select b.number, b.order_type, b.status, b.processed_by, coalesce(c.priority, b.priority) as priority,
    case when c.id is null then b.front_at else c.front_at end as front_at, c.id is not null as is_changed,
    (select @{wake_screens} from changed)
from before b left join changed c on c.id = b.id
