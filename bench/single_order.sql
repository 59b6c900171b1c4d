-- pgbench's transaction: the rows of one order of two items, in one statement, committed by itself.
\set table random(1, 100)
with numbers as (
    insert into order_numbers as n (day, last) values ((now() at time zone 'UTC')::date, 1)
    on conflict (day) do update set last = n.last + 1
    returning day, last
), placed as (
    insert into orders (number, customer_name, order_type, table_number, total_amount, priority, prep_seconds,
        status, sequence, placed_at, updated_at)
    select 'ORD_' || to_char(day, 'YYYYMMDD') || '_' || lpad(last::text, greatest(3, length(last::text)), '0'),
        'Ada Lovelace', 'dine_in', :table, 33.97, 1, 10, 'received', 1, now(), now()
    from numbers
    returning id, number, table_number
), listed as (
    insert into order_items (order_id, position, name, quantity, price)
    select id, 1, 'Margherita Pizza', 1, 15.99 from placed
    union all
    select id, 2, 'Caesar Salad', 2, 8.99 from placed
), logged as (
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
    select id, 1, 'received', 'customer', now() from placed
), sent as (
    insert into outbox (event_id, exchange, routing_key, priority, request_id, body)
    select gen_random_uuid(), 'order_service.events', 'order_placed.dine_in', 1, 'pgbench',
        jsonb_build_object(
            'event_id', gen_random_uuid(), 'request_id', 'pgbench', 'schema_version', 1,
            'order_number', number, 'customer_name', 'Ada Lovelace', 'order_type', 'dine_in',
            'table_number', table_number, 'delivery_address', null,
            'items', jsonb_build_array(
                jsonb_build_object('name', 'Margherita Pizza', 'quantity', 1, 'price', 15.99),
                jsonb_build_object('name', 'Caesar Salad', 'quantity', 2, 'price', 8.99)),
            'total_amount', 33.97, 'priority', 1, 'prep_seconds', 10,
            'placed_at', now())
    from placed
)
select number from placed;
