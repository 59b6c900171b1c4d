-- Takes in hand what is due of a channel: of each receiver the one that is due first, of no receiver of whom
-- something is in hand already, and of no more than there are places. Receivers have their turns in order, beginning
-- behind :after, and each is found by one look at the index, however much waits for the one before.
with recursive receivers as (
    (
        select d.recipient from notification_deliveries d
        where d.channel = :channel and d.status = 'waiting' and d.recipient > :after and d.next_attempt_at <= now()
        order by d.recipient limit 1
    )
    union all
    select next.recipient from receivers r cross join lateral (
        select d.recipient from notification_deliveries d
        where d.channel = :channel and d.status = 'waiting' and d.recipient > r.recipient
            and d.next_attempt_at <= now()
        order by d.recipient limit 1
    ) next
),
free as (
    select r.recipient from receivers r
    where not exists (
        select from notification_deliveries d
        where d.channel = :channel and d.recipient = r.recipient and d.leased_until is not null
            and d.leased_until > now()
    )
    limit :places
)
update notification_deliveries c
set attempts = c.attempts + 1, leased_until = now() + make_interval(secs => :lease),
    next_attempt_at = now() + make_interval(secs => :lease)
from free f cross join lateral (
    select d.id from notification_deliveries d
    where d.channel = :channel and d.status = 'waiting' and d.recipient = f.recipient and d.next_attempt_at <= now()
    order by d.next_attempt_at, d.id limit 1
    for update skip locked
) first
where c.id = first.id
returning c.id, c.event_id, c.channel, c.kind, c.recipient, c.order_number, c.user_id, c.data, c.traceparent,
    c.attempts, c.attempts - c.attempts_before, c.sent_again, c.created_at
