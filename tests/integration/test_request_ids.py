"""One request id, from the customer's request to the last line that it caused."""

import requests

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order


def test_a_request_id_goes_through_every_service(expedite: Expedite) -> None:
    door = expedite.start("order_service")
    notifier = expedite.start("notifier_service")
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there
    with expedite.channel() as channel:
        channel.queue_declare("watch", auto_delete=False)
        channel.queue_bind("watch", "order_service.events", "order_placed.takeout")
        for service in ("order_service", "kitchen_service"):
            channel.queue_bind("watch", f"{service}.events", "order_status_changed")
    worker = expedite.start_worker()
    answer = requests.post(
        f"{door.url}/orders", json=an_order(), headers={"X-Request-ID": "till-7.order-1"}, timeout=5
    )
    assert answer.headers["X-Request-ID"] == "till-7.order-1"
    number = answer.json()["order_number"]
    expedite.wait_for(number, "ready")
    eventually(lambda: len(notifier.actions("notification_received")) == 2)
    eventually(lambda: expedite.waiting("watch") == 3)

    for process, actions in (
        (door, ("order_received", "request_received", "order_published")),
        (worker, ("order_processing_started", "order_completed")),
        (notifier, ("notification_received",)),
    ):
        for action in actions:
            lines = eventually(lambda process=process, action=action: process.actions(action))
            assert {line["request_id"] for line in lines} == {"till-7.order-1"}, action
    with expedite.channel() as channel:
        messages = [channel.basic_get("watch", no_ack=True) for _ in range(3)]
        channel.queue_delete("watch")
    assert [message.headers["nameko.request_id"] for message in messages] == ["till-7.order-1"] * 3
    assert all('"till-7.order-1"' in message.body for message in messages)
    assert [row[0] for row in expedite.query("select status from order_status_log order by sequence")] == [
        "received",
        "cooking",
        "ready",
    ]
