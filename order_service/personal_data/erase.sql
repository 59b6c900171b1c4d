-- Takes whatever tells of a person off these orders, :ids, and leaves what accounting needs: number, type, table, items,
-- amounts, times, statuses, and who of the house had them in hand. There is a row of the result for each order that is
-- over; the others stay as they are.
--
-- What strangers whose addresses they name have chosen is theirs. Of :number alone, if that is not null, goes what is
-- known of its address while that is only that this order named it.
--
-- A reason may be anything that somebody typed, but for @{own_reasons}. With another nonce no tracking link leads there.
with mine as materialized (
    select o.id, o.number, o.notification_email from orders o where o.id = any(:ids) and @{is_over} order by o.id for update
), orders_of_theirs as (
    update orders o set customer_id = null, customer_name = '@{erased}', notification_email = null,
        delivery_address = null, allergies = '{}', link_nonce = gen_random_uuid()::text,
        reason = case when o.reason in (@{own_reasons}) then o.reason end
    from mine m where o.id = m.id
), items as (
    update order_items i set note = null from mine m where i.order_id = m.id and i.note is not null
), steps as (
    update order_status_log l set reason = null from mine m
    where l.order_id = m.id and l.reason is not null and l.reason not in (@{own_reasons})
), keys as (
    delete from idempotency_keys k using mine m where k.answer ->> 'order_number' = m.number
), letters as (
    delete from notification_deliveries d using mine m where d.order_number = m.number and d.channel = '@{email}'
), news as (
    -- To other programs, which may wait for it.
    update notification_deliveries d set data = d.data || '{"reason": null}' from mine m
    where d.order_number = m.number and d.channel <> '@{email}' and d.data ->> 'reason' is not null
), addresses as (
    delete from mail_addresses a using mine m
    where m.number = cast(:number as text) and a.address = lower(m.notification_email)
        and a.confirmed_at is null and a.wants <> 'nothing'
        and not exists (select from orders o where lower(o.notification_email) = a.address and o.id <> m.id)
        and not exists (select from users u where u.email = a.address)
)
select number from mine
