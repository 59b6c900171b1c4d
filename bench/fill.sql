-- Orders of the last years, a thousand a day, each of two items. The newest %(mixed)s are in turn received,
-- cooking (both accepted by a person, so that no worker and no sweep touches them) and ready; all others ready.
with given as (
    select serial, current_date - 1 - serial / 1000 as day, 'ORD_'
            || to_char(current_date - 1 - serial / 1000, 'YYYYMMDD') || '_'
            || lpad((1 + serial %% 1000)::text, greatest(3, length((1 + serial %% 1000)::text)), '0') as number,
        case when serial >= %(mixed)s then 'ready' else (array['received', 'cooking', 'ready'])[1 + serial %% 3]
            end as status,
        current_date - 1 - serial / 1000 + serial %% 1000 * interval '1 minute' as at
    from generate_series(0, %(rows)s - 1) as serial
), placed as (
    insert into orders (number, customer_name, order_type, table_number, delivery_address, total_amount, priority,
        prep_seconds, status, sequence, processed_by, accepted_by, placed_at, updated_at, cooking_started_at,
        estimated_completion, completed_at)
    select number, 'Ada Lovelace', (array['dine_in', 'takeout', 'delivery'])[1 + serial / 3 %% 3],
        case when serial / 3 %% 3 = 0 then 7 end,
        case when serial / 3 %% 3 = 2 then '12 Harbour Street' end,
        33.97, 1, 10, status, array_position(array['received', 'cooking', 'ready'], status),
        case when status <> 'received' then 'anna' end,
        case when status <> 'ready' then 'anna' end,
        at, at,
        case when status <> 'received' then at end,
        case when status <> 'received' then at + interval '10 seconds' end,
        case when status = 'ready' then at + interval '10 seconds' end
    from given order by serial desc
    returning id, sequence, placed_at
), listed as (
    insert into order_items (order_id, position, name, quantity, price)
    select id, position, 'Margherita Pizza', position, 15.99 from placed, generate_series(1, 2) as position
)
insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
select id, step, (array['received', 'cooking', 'ready'])[step], 'anna', placed_at + step * interval '1 second'
from placed, generate_series(1, sequence) as step
