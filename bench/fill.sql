-- Orders of the last years, %(a_day)s a day up to the moment %(now)s, each of two items: those from the serial %(least)s up to
-- %(most)s, of which 0 is the newest. The newest %(mixed)s are in turn received, cooking (both accepted by a person, so
-- that no worker and no sweep touches them) and ready. Of all others 94 in 100 are completed, 4 cancelled, one failed,
-- and one ready, which nobody completed. A third are a customer's, of a thousand.
with given as (
    select serial, at, 'ORD_' || to_char(at, 'YYYYMMDD') || '_' || lpad(nth::text, greatest(3, length(nth::text)), '0')
            as number,
        case when serial >= %(mixed)s then case serial %% 100 when 0 then 'ready' when 1 then 'failed'
                when 2 then 'cancelled' when 3 then 'cancelled' when 4 then 'cancelled' when 5 then 'cancelled'
                else 'completed' end
            else (array['received', 'cooking', 'ready'])[1 + serial %% 3] end as status
    from generate_series(%(most)s - 1, %(least)s, -1) as serial, lateral (
        -- A moment for each, in a place of its own of its day.
        select floor(extract(epoch from cast(%(now)s as timestamptz)) * %(a_day)s / 86400) - serial as place
    ) placed, lateral (
        select timestamp '1970-01-01' + place * interval '1 day' / %(a_day)s as at,
            (1 + place::bigint %% %(a_day)s)::bigint as nth
    ) numbered
), steps as (
    select *, case status when 'received' then array['received'] when 'cooking' then array['received', 'cooking']
        when 'ready' then array['received', 'cooking', 'ready'] when 'completed' then
            array['received', 'cooking', 'ready', 'completed'] else array['received', status] end as passed
    from given
), placed as (
    insert into orders (number, customer_id, customer_name, notification_email, order_type, table_number,
        delivery_address, total_amount, priority, prep_seconds, status, sequence, processed_by, accepted_by, placed_at,
        updated_at, cooking_started_at, estimated_completion, completed_at, first_estimate, link_nonce, allergies)
    select number,
        case when serial %% 3 = 0 then (select min(id) from users) + serial / 3 %% 1000 end,
        'Ada Lovelace', case when serial %% 3 = 0 then 'ada' || serial / 3 %% 1000 || '@example.com' end,
        (array['dine_in', 'takeout', 'delivery'])[1 + serial / 3 %% 3],
        case when serial / 3 %% 3 = 0 then 7 end,
        case when serial / 3 %% 3 = 2 then '12 Harbour Street' end,
        31.98, 1, 10, status, array_length(passed, 1),
        case when 'cooking' = any(passed) then 'chef_mario' end,
        case when status in ('received', 'cooking') then 'anna' end,
        at, at + (array_length(passed, 1) - 1) * interval '1 minute',
        case when 'cooking' = any(passed) then at + interval '1 minute' end,
        case when 'cooking' = any(passed) then at + interval '2 minutes' end,
        case when 'ready' = any(passed) then at + interval '2 minutes' end,
        at + interval '2 minutes', 'bm9uY2Utb2Yt', case when serial %% 20 = 0 then '{nuts}'::text[] else '{}' end
    from steps order by serial desc
    returning id, status, placed_at
), listed as (
    insert into order_items (order_id, position, name, quantity, price, note)
    select id, position, 'Margherita Pizza', 1, 15.99, case when id %% 10 = position then 'no basil, please' end
    from placed, generate_series(1, 2) as position
)
insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
select id, step, passed[step], case step when 1 then 'customer' else 'chef_mario' end,
    placed_at + (step - 1) * interval '1 minute'
from placed, lateral (
    select case placed.status when 'received' then array['received'] when 'cooking' then array['received', 'cooking']
        when 'ready' then array['received', 'cooking', 'ready'] when 'completed' then
            array['received', 'cooking', 'ready', 'completed'] else array['received', placed.status] end as passed
) as taken, generate_series(1, array_length(passed, 1)) as step
