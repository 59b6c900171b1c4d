"""The e-mail channel."""

from common.notifications import deliveries
from common.orders.events import ORDER_STATUS_CHANGED
from common.orders.lifecycle import COOKING, CUSTOMER, OUT_FOR_DELIVERY, READY
from common.postgres.sessions import Sessions
from common.postgres.statements import statement
from notifier_service.deliveries.channel import Delivery, Dropped, GivenUp, Outcome
from notifier_service.mail import choices, smtp
from notifier_service.mail.composing import message_of
from notifier_service.mail.letters import WRITERS
from notifier_service.mail.mailboxes import NoAddress, mailbox, sender
from notifier_service.settings import NotifierSettings


class Mail:
    """Writes letters, and hands them to the mail server. Not made where SMTP_HOST is not set."""

    name = deliveries.EMAIL
    places = 5
    seconds = 60.0
    is_on = True
    receivers = statement(
        __file__,
        "receivers",
        customer=CUSTOMER,
        with_news_to_come=", ".join(repr(status) for status in (COOKING, READY, OUT_FOR_DELIVERY)),
        ask_again=choices.ASK_AGAIN,
        nothing=choices.NOTHING,
        question=deliveries.CONFIRM_ADDRESS,
        news=ORDER_STATUS_CHANGED,
        is_wanted=choices.IS_WANTED,
    )

    def __init__(self, settings: NotifierSettings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._sender = sender(settings.mail.sender)

    def send(self, delivery: Delivery) -> Outcome:
        writer = WRITERS.get(delivery.kind)
        if writer is None:
            return GivenUp("this process knows no such letter")
        letter = writer(delivery, self._sessions, self._settings)
        if isinstance(letter, Dropped):
            return letter
        try:
            recipient = mailbox(delivery.recipient)
            message = message_of(delivery, letter, self._sender)
        except NoAddress:
            return GivenUp("its address is none that letters can be sent to")
        return smtp.send(message, self._sender, recipient, self._settings.mail)
