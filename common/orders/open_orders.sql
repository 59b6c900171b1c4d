-- The orders that screens show; a row of the result for each, the most urgent first.
--
-- Only those that have changed since the snapshot :after have their columns filled, or all, when it is null: the others
-- are on the screens as they are. At the edge of a full lane stand those that may have come in by others' leaving, and
-- have not changed themselves; they are filled, too. Each order is looked up for itself, and has few rows of its own.
with shown as (@{lanes}
), asked as (
    select *, is_at_edge or cast(:after as pg_snapshot) is null
        or not pg_visible_in_snapshot(changed_in, cast(:after as pg_snapshot)) as is_wanted
    from shown
)
select s.status as lane, s.number as shown_number, t.*
from asked s left join lateral (
    select o.number, o.order_type, o.status, o.sequence, o.priority, o.front_at, o.table_number, o.customer_name,
        o.placed_at, o.updated_at, o.cooking_started_at, o.completed_at, o.estimated_completion, o.processed_by,
        o.accepted_by, o.allergies, l.changed_by, l.changed_at, l.reason,
        o.status = '@{cooking}' and coalesce(before.status = '@{ready}', false) as is_recalled,
        case when o.status in ('@{received}', '@{cooking}') and o.retry_at > now() then o.retry_at end as retry_at,
        o.tries, cast(o.changed_in as text) as changed_in, o.traceparent,
        (select jsonb_agg(jsonb_build_array(i.quantity, i.name, i.note) order by i.position)
            from order_items i where i.order_id = o.id) as items
    from orders o
        left join order_status_log l on l.order_id = o.id and l.sequence = o.sequence
        left join order_status_log before on before.order_id = o.id and before.sequence = o.sequence - 1
    where o.id = s.id and s.is_wanted
    offset 0  -- or PostgreSQL would look all of them up, and then leave them out
) t on true
order by s.front_at desc nulls last, s.priority desc, s.placed_at, s.id
