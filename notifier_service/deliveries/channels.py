"""The channels that there are, each with places of its own. The console is none of them: it is for who is there,
and keeps nothing (notifier_service/console.py)."""

from collections.abc import Sequence

from common.postgres.sessions import Sessions
from notifier_service.deliveries.channel import Channel
from notifier_service.mail.mail import Mail
from notifier_service.settings import NotifierSettings
from notifier_service.webhooks.channel import WebhookChannel


def channels_of(settings: NotifierSettings, sessions: Sessions) -> Sequence[Channel]:
    """What a notifier process sends by."""
    webhooks = WebhookChannel(settings, sessions)
    return (Mail(settings, sessions), webhooks) if settings.sends_mail else (webhooks,)
