"""Which letters there are: a function for each kind, which writes it. What a letter is stands in `letter`."""

from collections.abc import Callable, Mapping

from common.notifications import deliveries
from common.orders.events import ORDER_STATUS_CHANGED
from common.postgres.sessions import Sessions
from notifier_service.deliveries.channel import Delivery, Dropped
from notifier_service.mail import account_letters, order_letters, webhook_letters
from notifier_service.mail.letter import Letter
from notifier_service.settings import NotifierSettings

#: Writes the letter of a delivery, or says why there is none to send (any more). Raises Unavailable.
Writer = Callable[[Delivery, Sessions, NotifierSettings], Letter | Dropped]

WRITERS: Mapping[str, Writer] = {
    ORDER_STATUS_CHANGED: order_letters.news,
    deliveries.CONFIRM_ADDRESS: order_letters.question,
    deliveries.REGISTER: account_letters.register,
    deliveries.PASSWORD_RESET: account_letters.password_reset,
    deliveries.ADDRESS_CHANGE: account_letters.address_change,
    deliveries.ADDRESS_CHANGED: account_letters.address_changed,
    deliveries.PASSWORD_CHANGED: account_letters.password_changed,
    deliveries.WEBHOOK_SWITCHED_OFF: webhook_letters.switched_off,
}
