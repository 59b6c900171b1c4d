"""The letter about a webhook, to whoever made it."""

from common.postgres.sessions import Sessions
from notifier_service.deliveries.channel import Delivery
from notifier_service.mail.letter import Letter
from notifier_service.settings import NotifierSettings


def switched_off(delivery: Delivery, sessions: Sessions, settings: NotifierSettings) -> Letter:
    """That nothing more is sent to it, why, and what to do."""
    webhook_id, host, description = (delivery.data[name] for name in ("webhook_id", "host", "description"))
    called = f"{description} ({host})" if description else str(host)
    return Letter(
        subject=f"Webhook {webhook_id} is switched off",
        headline=f"Webhook {webhook_id} is switched off",
        paragraphs=(
            f"The webhook {webhook_id}, {called}, gets nothing more: {delivery.data['why']}.",
            "What waited for it was dropped. When its receiver works again, try it with "
            f"POST /webhooks/{webhook_id}/test, and switch it on with "
            f'PATCH /webhooks/{webhook_id} and {{"enabled": true}}.',
        ),
        notes=("You get this because you made the webhook.",),
    )
