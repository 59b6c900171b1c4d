"""The main job, with every service as its own process."""

import requests

from tests.support.eventually import eventually
from tests.support.expedite import PIZZA, Expedite


def test_an_order_is_cooked_tracked_and_announced(expedite: Expedite) -> None:
    expedite.start("order_service", debug=True)
    expedite.start("tracking_service", debug=True)
    notifiers = [expedite.start("notifier_service", debug=True) for _ in range(2)]
    expedite.start_worker("chef_mario", COOKING_SPEED=20, debug=True)
    for notifier in notifiers:  # so their queues are there
        eventually(lambda notifier=notifier: notifier.actions("rabbitmq_connected"))

    placed = expedite.place(items=[{**PIZZA, "note": "no basil"}], allergies=["celery"])
    number = placed["order_number"]
    expedite.wait_for(number, "ready")

    tracking = expedite.url("tracking_service")
    status = requests.get(f"{tracking}/orders/{number}/status", timeout=5).json()
    history = requests.get(f"{tracking}/orders/{number}/history", timeout=5).json()
    workers = requests.get(f"{tracking}/workers/status", timeout=5).json()
    assert status["current_status"] == "ready"
    assert status["processed_by"] == "chef_mario"
    assert status["first_estimate"] == placed["estimated_completion"]
    assert [step["status"] for step in history] == ["received", "cooking", "ready"]
    assert [step["changed_by"] for step in history] == ["customer", "chef_mario", "chef_mario"]
    assert [(worker["worker_name"], worker["status"], worker["orders_processed"]) for worker in workers] == [
        ("chef_mario", "online", 1)
    ]
    expected = [
        f"Notification for order {number}: Status changed from 'received' to 'cooking' by chef_mario.",
        f"Notification for order {number}: Status changed from 'cooking' to 'ready' by chef_mario.",
    ]
    for notifier in notifiers:
        eventually(lambda notifier=notifier: notifier.printed()[-2:] == expected)
        eventually(
            lambda notifier=notifier: (
                [line["details"]["new_status"] for line in notifier.actions("notification_received")]
                == ["cooking", "ready"]
            )
        )
    eventually(expedite.is_settled)
    said = "\n".join(line for process in expedite.processes for line in process.lines)
    assert number in said
    assert "basil" not in said
    assert "celery" not in said
