-- Events, as a JSON array in $1, become deliveries to those whom they concern; one that was heard before makes none.
-- Returns a row for each event, in their order.
--
-- Only what stands in the order's history is told: an event from before a restore may have the number of another order.
-- Each step is looked up for itself: a join would read a small table as a whole, and its plan be kept.
with come as (
    select position, (e -> 'event' ->> 'event_id')::uuid as event_id, e -> 'event' ->> 'order_number' as order_number,
        e -> 'event' as event, e ->> 'traceparent' as traceparent
    from jsonb_array_elements($1) with ordinality as each (e, position)
),
heard as (
    select c.* from come c cross join lateral (
        select from orders o cross join lateral (
            select from order_status_log l
            where l.order_id = o.id and l.sequence = (c.event ->> 'sequence')::int
                and l.status = c.event ->> 'new_status' and @{changed_at} = c.event ->> 'timestamp'
            limit 1
        ) step
        where o.number = c.order_number limit 1
    ) known
),
@{receivers},
written as (
    insert into notification_deliveries (event_id, channel, kind, recipient, order_number, user_id, data, traceparent)
    select h.event_id, r.channel, r.kind, r.recipient, h.order_number, r.user_id, h.event, h.traceparent
    from (@{all_receivers}) r join heard h on h.event_id = r.event_id
    order by h.position
    on conflict (event_id, channel, recipient) do nothing
    returning 1
)
select (select count(*) from written) from come order by position
