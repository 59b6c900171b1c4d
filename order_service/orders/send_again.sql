-- Puts the tickets that went missing into the outbox again; there is a row of the result for each of their orders.
--
-- :empty names the order types whose queues are empty, :unpublished the orders in the outbox. A ticket that was seen or
-- sent less than :grace seconds ago is given time to be where it belongs. :most at a time.
with needed as (
    select o.id, o.order_type, greatest(o.placed_at, o.updated_at, o.sent_again_at, o.retry_at) as since
    from orders o
    where o.status = 'received' and o.accepted_by is null
    union all
    select o.id, o.order_type, greatest(o.cooking_started_at, o.sent_again_at, o.retry_at, workers.last_seen)
    from orders o left join workers on workers.instance = o.cooking_worker
    where o.status = 'cooking' and o.accepted_by is null
        and o.cooking_worker is not null and not coalesce(@{is_online}, false)
), looked_at as (
    -- Of the orders that may show that a ticket was passed over, so many at the front and at the back of each
    -- queue: the oldest that is needed may have waited for years. One that was passed over comes to the front,
    -- however many wait behind it.
    select max(id) - @{looked_at} as after from orders
    union all
    select min(id) from needed where since < now() - make_interval(secs => :grace) group by order_type
), taken as materialized (
    -- One look at what came later, not one for each order: a backlog has thousands.
    select o.order_type, o.priority, max(o.placed_at) as latest
    from looked_at join orders o on o.id > looked_at.after and o.id <= looked_at.after + @{looked_at}
    where o.id > (select min(id) from needed) and o.cooking_started_at < now() - make_interval(secs => :grace)
        and o.status <> 'received'  -- one that failed and waits again may have another priority by now
        and o.processed_by in (select name from workers)  -- a person may begin with any order
    group by o.order_type, o.priority
), missing as (
    select o.* from needed n join orders o using (id)
    where n.since < now() - make_interval(secs => :grace)
        and o.number <> all(:unpublished)
        and (o.order_type = any(:empty) or exists (
            select 1 from taken
            where taken.order_type = o.order_type and taken.priority <= o.priority
                and taken.latest > n.since))
    order by o.id limit :most
    for update of o skip locked
), noted as (
    update orders o set sent_again_at = now() from missing m where o.id = m.id
), sent as (
    -- What became of the ticket that was lost shows in the trace of its order.
    insert into outbox (event_id, exchange, routing_key, priority, request_id, traceparent, body)
    select e.id, '@{exchange}', '@{routing_key}.' || m.order_type, m.priority, :request_id, m.traceparent, @{body}
    from missing m cross join lateral (select gen_random_uuid() as id where m.id is not null) e
    order by m.placed_at
)
select number, status from missing
