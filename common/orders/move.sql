-- Moves orders from one status to the next.
--
-- $1 is a JSON array of moves, and there is a row of the result for each, in their order. It says nothing for a second
-- move of the same order, which is not made, nor for one of an order that somebody else holds, where if_locked is
-- SKIP LOCKED. Each order is looked up for itself: a join would read a small table as a whole, and its plan be
-- kept. A move names the statuses that it accepts, so of two moves at once one wins. The order's row, its log row, the
-- worker's count and the outbox row are written together or not at all.
with asked as (
    select m, position from jsonb_array_elements($1) with ordinality as t (m, position)
), wanted as (
    select distinct on (m ->> 'number') position, m ->> 'number' as number, m ->> 'target' as target,
        array(select jsonb_array_elements_text(m -> 'accepted')) as accepted,
        m ->> 'actor' as actor, (m ->> 'instance')::uuid as instance, m ->> 'reason' as reason,
        m ->> 'placed_at' as placed_at, (m ->> 'fence')::int as fence, (m ->> 'ticket')::int as ticket, (m ->> 'pace')::float8 as pace,
        (m ->> 'recall_window')::float8 as recall_window, m ->> 'event_id' as event_id,
        m ->> 'exchange' as exchange, m ->> 'request_id' as request_id, m ->> 'traceparent' as traceparent
    from asked order by m ->> 'number', position
), before as (
    select o.*, w as move, w.position
    from wanted w cross join lateral (
        -- A ticket from before a restore may have the number of another order.
        select * from orders where number = w.number and (w.placed_at is null or @{placed_at} = w.placed_at)
        for update @{if_locked}) o
), moved as (
    update orders o set
        status = (b.move).target,
        sequence = o.sequence + 1,
        updated_at = now(),
        reason = (b.move).reason,
        cleared_at = null,
        traceparent = (b.move).traceparent,
        -- From here on: EFFECTS in lifecycle.py.
        fence = o.fence + ((b.move).target = any(@{taken_in_hand}))::int,
        processed_by = case when (b.move).target = any(@{taken_in_hand}) then (b.move).actor else o.processed_by end,
        cooking_worker = case when (b.move).target = any(@{taken_in_hand}) then (b.move).instance end,
        cooking_started_at = case when (b.move).target = any(@{taken_in_hand}) then now()
            else o.cooking_started_at end,
        estimated_completion = @{estimated_completion},
        completed_at = @{completed_at}
    from before b
    where o.id = b.id
        and b.order_type || ':' || b.status = any((b.move).accepted)
        and ((b.move).fence is null or b.fence = (b.move).fence)
        and ((b.move).ticket is null or (b.accepted_by is null and b.priority >= (b.move).ticket))
        and (b.status || ':' || (b.move).target <> all(@{recalls})
             or b.completed_at > now() - make_interval(secs => (b.move).recall_window))
    returning o.*, b.status as old_status, b.move, b.position, @{wake_screens}
), logged as (
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at, reason)
    select id, sequence, status, (move).actor, updated_at, reason from moved
), counted as (
    update workers w set orders_processed = w.orders_processed + done.orders
    from (
        -- By name, as a heartbeat locks the rows of all workers of a process.
        select (move).actor as name, count(*) as orders from moved
        where status = any(@{counted}) and (move).instance is not null group by 1 order by 1
    ) done cross join lateral (select from workers where name = done.name for no key update) locked
    where w.name = done.name
), sent as (
    insert into outbox (event_id, exchange, routing_key, priority, request_id, traceparent, body)
    select (m.move).event_id::uuid, (m.move).exchange, '@{routing_key}', m.priority, (m.move).request_id,
        m.traceparent, @{body}
    from moved m order by m.position
)
select b.number, b.order_type, b.status as old_status, m.status as new_status,
    coalesce(m.fence, b.fence) as fence,
    case when m.id is null then b.processed_by else m.processed_by end as processed_by,
    coalesce(m.updated_at, b.updated_at) as updated_at,
    case when m.id is null then b.estimated_completion else m.estimated_completion end as estimated_completion,
    extract(epoch from m.updated_at - b.updated_at)::float8 as seconds
from asked a left join before b on b.position = a.position left join moved m on m.position = a.position
order by a.position
