"""The channel of webhooks: signs a delivery, posts it, and judges by the answer."""

import contextlib
import ssl
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from common.errors import Unavailable
from common.notifications import deliveries
from common.observability import traces
from common.postgres.sessions import Sessions
from common.postgres.statements import statement
from common.snapshot import Snapshot
from notifier_service.deliveries.channel import Delivery, Dropped, GivenUp, Outcome, Sent, TryAgain
from notifier_service.settings import NotifierSettings
from notifier_service.webhooks import addresses, cloud_events, signatures, standing
from notifier_service.webhooks.posting import Answer, NotReached, Postman
from notifier_service.webhooks.standing import Webhook
from notifier_service.webhooks.verdicts import Verdict, asked_to_wait, verdict

_NEWS = timedelta(days=1)  # that a delivery may wait for its first attempt
_ANY = text(f"""
    select exists (select from webhooks) or exists (
        select from notification_deliveries where channel = '{deliveries.WEBHOOK}' and status = 'waiting'
    )
""")


def _are_some(sessions: Sessions) -> bool:
    with sessions.single() as session:
        return bool(session.execute(_ANY).scalar_one())


_some: Snapshot[Sessions, bool] = Snapshot(_are_some)  # one for each process


def look_again() -> None:
    """This process has made a webhook, or something for one: it is told what happens from now on."""
    _some.forget()


class WebhookChannel:
    """Sends by webhooks. One for each process."""

    name = deliveries.WEBHOOK
    places = 20
    seconds = 30.0  # looking up a name, the post and what it says together
    receivers = statement(__file__, "receivers")

    def __init__(self, settings: NotifierSettings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._postman = Postman(settings.webhooks_allow_private, ssl.create_default_context())

    @property
    def is_on(self) -> bool:
        """False while there is no webhook. One that was just made is known two seconds later at the latest."""
        try:
            return _some.get(self._sessions)
        except Unavailable:
            return True  # nobody knows: an event waits until somebody does

    def send(self, delivery: Delivery) -> Outcome:
        """Post it, and write down how the webhook stands then. Raises Unavailable without PostgreSQL."""
        with self._sessions.single_in_background() as session:
            webhook = standing.find(session, int(delivery.recipient))
        is_test = delivery.kind == deliveries.TEST
        if webhook is None:
            return Dropped("the webhook was taken away")
        if not webhook.is_on and not is_test:
            return Dropped("the webhook was switched off")
        if delivery.attempt == 1 and not delivery.sent_again and datetime.now(UTC) - delivery.created_at > _NEWS:
            return Dropped("it has waited for its turn for more than a day")
        try:
            answer = self._post(webhook, delivery)
        except NotReached as exc:
            return GivenUp(str(exc)) if is_test else self._failed(webhook, str(exc), 0.0)
        return _of_a_test(answer) if is_test else self._judged(webhook, answer)

    def _post(self, webhook: Webhook, delivery: Delivery) -> Answer:
        """Raises NotReached."""
        to = addresses.read(webhook.url)
        if not to.is_secure and not self._settings.webhooks_allow_http:
            raise NotReached("its URL does not begin with https://")
        body = cloud_events.body_of(delivery, self._settings.public_url)
        message_id, now = str(delivery.event_id), int(time.time())
        headers = {
            "Content-Type": cloud_events.CONTENT_TYPE,
            "User-Agent": "Expedite",
            "webhook-id": message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures.signature(webhook.secrets, message_id, now, body),
        }
        if (step := traces.traceparent()) is not None:
            headers[traces.HEADER] = step
        return self._postman.post(to, headers, body)

    def _judged(self, webhook: Webhook, answer: Answer) -> Outcome:
        """What an answer does to the webhook, and to the delivery."""
        match verdict(answer.status):
            case Verdict.TAKEN:
                # What it has taken is not to be sent again for that.
                with contextlib.suppress(Unavailable):
                    self._succeeded(webhook)
                return Sent()
            case Verdict.GONE:
                why = "its receiver wants no more (410)"
                with self._sessions.begin_in_background() as session:
                    standing.give_up(session, webhook.id, why, self._settings.sends_mail)
                return GivenUp(why)
            case Verdict.FAILED:
                asked = asked_to_wait(answer.status, answer.retry_after, datetime.now(UTC))
                return self._failed(webhook, _said(answer), asked)

    def _succeeded(self, webhook: Webhook) -> None:
        if webhook.is_failing:
            with self._sessions.single_in_background() as session:
                standing.succeeded(session, webhook.id)

    def _failed(self, webhook: Webhook, why: str, asked: float) -> Outcome:
        with self._sessions.begin_in_background() as session:
            # The webhook first, then its deliveries, as everywhere: so nobody waits for each other.
            switched_off = standing.failed(session, webhook.id, self._settings.sends_mail)
            if asked:
                standing.hold_back(session, webhook.id, asked)
        return TryAgain(why, asked) if switched_off is None else Dropped("the webhook was switched off")


def _of_a_test(answer: Answer) -> Outcome:
    """A test is sent once, and counts for nothing."""
    return Sent() if verdict(answer.status) is Verdict.TAKEN else GivenUp(_said(answer))


def _said(answer: Answer) -> str:
    is_redirect = 300 <= answer.status < 400
    return f"it answered {answer.status}" + (", which is not followed" if is_redirect else "")
