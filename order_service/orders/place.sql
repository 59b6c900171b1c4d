-- Places orders: number, order, items, log row, outbox row and idempotency key, all of them or none.
--
-- $1 is a JSON array of orders, $2 the moment that stands in for now, or null; there is a row of the result for each
-- order, in their order, with nothing in it for one whose idempotency key was used before. The numbers come from one
-- row for each day of the house, whose lock is held until the commit: that is what leaves no gap and no double under
-- any concurrency. In a house that moves to another time zone, a day that has its row already goes on from there.
with asked as (
    select o, position, o -> 'once' ->> 'key' as key,
        row_number() over (partition by o -> 'once' ->> 'key' order by position) as nth_of_key
    from jsonb_array_elements($1) with ordinality as t (o, position)
), wanted as (
    select o, a.position as asked_as, row_number() over (order by a.position) as position
    from asked a left join lateral (
        select true as is_used from idempotency_keys k
        where k.key = a.key and k.created_at >= now() - @{remembered} limit 1
    ) as before on true
    where a.key is null or (nth_of_key = 1 and is_used is null)
), moment as (
    select coalesce($2, now()) as placed_at
), numbers as (
    insert into order_numbers as n (day, last)
    select cast(placed_at at time zone '@{time_zone}' as date), (select count(*) from wanted) from moment
    where exists (select 1 from wanted)
    on conflict (day) do update set last = n.last + excluded.last
    returning day, last - (select count(*) from wanted) as before
), numbered as (
    select o, position, asked_as, 'ORD_' || to_char(day, 'YYYYMMDD') || '_'
        || lpad((before + position)::text, greatest(3, length((before + position)::text)), '0') as number
    from wanted, numbers
), placed as (
    insert into orders (number, customer_id, customer_name, notification_email, order_type, table_number,
        delivery_address, allergies, total_amount, priority, prep_seconds, first_estimate, link_nonce, status,
        sequence, placed_at, updated_at, traceparent, may_ask)
    select number, (o ->> 'customer_id')::bigint, o ->> 'customer_name', o ->> 'notification_email',
        o ->> 'order_type', (o ->> 'table_number')::smallint, o ->> 'delivery_address',
        case when o ? 'allergies' then array(select jsonb_array_elements_text(o -> 'allergies')) else '{}' end,
        (o ->> 'total_amount')::numeric, (o ->> 'priority')::smallint, (o ->> 'prep_seconds')::int,
        (o ->> 'first_estimate')::timestamptz, o ->> 'link_nonce', '@{received}', 1, placed_at, placed_at,
        o ->> 'traceparent', coalesce((o ->> 'may_ask')::boolean, true)
    from numbered, moment order by position
    returning id, number, customer_name, order_type, table_number, delivery_address, allergies, total_amount,
        priority, prep_seconds, placed_at
), listed as (
    insert into order_items (order_id, position, name, quantity, price, note)
    select p.id, i.position, i.item ->> 'name', (i.item ->> 'quantity')::smallint,
        (i.item ->> 'price')::numeric, i.item ->> 'note'
    from placed p join numbered using (number),
        jsonb_array_elements(o -> 'items') with ordinality as i (item, position)
), logged as (
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
    select p.id, 1, '@{received}', o ->> 'placed_by', p.placed_at
    from placed p join numbered using (number)
), sent as (
    insert into outbox (event_id, exchange, routing_key, priority, request_id, traceparent, body)
    select (o ->> 'event_id')::uuid, '@{exchange}', '@{routing_key}.' || p.order_type, p.priority,
        o ->> 'request_id', o ->> 'traceparent', @{body}
    from placed p join numbered using (number) order by position
), remembered as (
    insert into idempotency_keys as k (key, fingerprint, answer, created_at)
    select o -> 'once' ->> 'key', o -> 'once' ->> 'fingerprint',
        (o -> 'once' -> 'answer' || jsonb_build_object('order_number', number))::json, now()
    from numbered where o ? 'once' order by 1  -- in one order, so that no two arrays wait for each other
    on conflict (key) do update
        -- Null, which fails the statement, for a key that is in use and was not to be seen.
        set key = case when k.created_at < now() - @{remembered} then k.key end,
            fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at
)
select number, placed_at from moment cross join asked a left join numbered n on n.asked_as = a.position
order by a.position
