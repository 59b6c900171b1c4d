-- Moves orders of long ago to archived_orders: of the next :bite, behind the id :after, those that are over and were
-- placed more than :days days ago. All of it or nothing; items and history leave with their order. What somebody holds
-- stays, and is next time's. Nothing that tells of a person comes along.
--
-- One row: how many were moved, up to which id was looked, and whether there may be more behind it.
with looked as materialized (
    select id, placed_at < now() - make_interval(days => :days) as is_old from orders
    where id > :after order by id limit :bite
), mine as materialized (
    select o.* from orders o join looked l on l.id = o.id
    where l.is_old and @{is_over} for update of o skip locked
), kept as (
    insert into archived_orders (number, placed_at, order_type, table_number, status, total_amount, completed_at,
        items, history)
    select m.number, m.placed_at, m.order_type, m.table_number, m.status, m.total_amount, m.completed_at,
        (select coalesce(jsonb_agg(jsonb_build_object('name', i.name, 'quantity', i.quantity, 'price', i.price)
            order by i.position), '[]') from order_items i where i.order_id = m.id),
        (select coalesce(jsonb_agg(jsonb_build_object('status', l.status, 'changed_at',
            to_char(l.changed_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by l.sequence), '[]')
            from order_status_log l where l.order_id = m.id)
    from mine m order by m.id
), gone as (
    delete from orders o using mine m where o.id = m.id
)
select (select count(*) from mine) as moved, coalesce(max(id), :after) as up_to,
    count(*) = :bite and bool_and(is_old) as is_more
from looked
