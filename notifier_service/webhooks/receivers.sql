-- Which webhooks are told of which of the events in `heard`: those that are on and want such a change.
webhook_receivers as (
    select h.event_id, 'order_status_changed' as kind, w.id::text as recipient, null::bigint as user_id
    from heard h join webhooks w on w.switched_off_at is null and w.events ? 'order_status_changed'
        and coalesce(w.events #> '{order_status_changed,new_statuses}' ? (h.event ->> 'new_status'), true)
        and coalesce(w.events #> '{order_status_changed,order_types}' ? (h.event ->> 'order_type'), true)
)
