-- Whose letters `heard` events make. An order's news go to the address that it names, or else to its customer's own;
-- to neither before its owner has confirmed it. One that nobody has confirmed is asked, at most once in a while, and
-- not for an order that may not ask.
told as (
    select h.event_id, h.event as e, o.address, o.customer_id, o.may_ask
    from heard h cross join lateral (
        select lower(coalesce(o.notification_email, u.email)) as address, o.customer_id,
            o.notification_email is not null and o.may_ask as may_ask
        from orders o left join users u on u.id = o.customer_id and u.role = '@{customer}'
        where o.number = h.order_number limit 1
    ) o
    where o.address is not null
),
unknown as (
    select distinct on (t.address) t.address, t.event_id, t.customer_id
    from told t left join mail_addresses m on m.address = t.address
    where t.may_ask and t.e ->> 'new_status' in (@{with_news_to_come})
        and (m.id is null or m.confirmed_at is null and m.wants <> '@{nothing}'
            and coalesce(m.asked_at < now() - @{ask_again}, true))
    order by t.address
),
asked as (
    insert into mail_addresses (address, asked_at) select address, now() from unknown order by address
    on conflict (address) do update set asked_at = now()
    -- Another process may have asked since.
    where mail_addresses.confirmed_at is null and coalesce(mail_addresses.asked_at < now() - @{ask_again}, true)
    returning address
),
email_receivers as (
    select u.event_id, '@{question}' as kind, u.address as recipient, u.customer_id as user_id
    from asked a join unknown u on u.address = a.address
    union all
    select t.event_id, '@{news}', t.address, t.customer_id
    from told t cross join lateral (
        select from (select t.e) event, mail_addresses m where m.address = t.address and @{is_wanted} limit 1
    ) m
)
