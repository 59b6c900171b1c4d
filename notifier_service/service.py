"""notifier_service: tells people and systems what happens to orders."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import Metric

from common.accounts.identity import Caller
from common.http import http
from common.nameko_runtime import health
from common.nameko_runtime.messaging import BROADCAST, event_handler, rpc
from common.orders.events import MOVES_ORDERS, ORDER_STATUS_CHANGED
from common.pages import Page, Redirect, Screens, page
from notifier_service.console import Console
from notifier_service.deliveries.deliveries import Deliveries
from notifier_service.deliveries.forgetting import Forgetting
from notifier_service.deliveries.records import Records
from notifier_service.mail import choices, choices_page
from notifier_service.mail.owners import Owners
from notifier_service.settings import NotifierSettings
from notifier_service.webhooks.webhooks import Webhooks

Answer = dict[str, object]


class NotifierService(Screens):
    """Every process prints each change; one of them has it sent, by each channel to each receiver."""

    name = "notifier_service"
    settings_class = NotifierSettings
    needs = (health.DATABASE, health.RABBITMQ)

    console = Console()
    deliveries = Deliveries()
    records = Records()
    forgetting = Forgetting()
    owners = Owners()
    webhooks = Webhooks()

    @event_handler(MOVES_ORDERS, ORDER_STATUS_CHANGED, handler_type=BROADCAST)
    def print_change(self, change: dict[str, object]) -> None:
        """Print it, in every process."""
        self.console.show(change)

    @event_handler(MOVES_ORDERS, ORDER_STATUS_CHANGED, pool="notifier.deliveries", prefilter="deliveries")
    def deliver_change(self, change: dict[str, object]) -> None:
        """Write down who is to be told, in one of the processes."""
        self.deliveries.hear(change)

    # --- who was told what -------------------------------------------------------------------------------

    @rpc
    @http("GET", "/deliveries")
    def list_deliveries(self, query: object = None, caller: Caller = None) -> Answer:
        """What was sent to whom, and how it ended, by the page; for admins."""
        return self.records.page(query, caller)

    @rpc
    @http("POST", "/deliveries/<delivery_id>/send-again")
    def send_delivery_again(self, delivery_id: Any, caller: Caller = None) -> Answer:
        """Send one once more that is over; for admins."""
        return self.records.send_again(delivery_id, caller)

    def measured_now(self) -> Iterable[Metric]:
        return self.records.measured()

    # --- webhooks ----------------------------------------------------------------------------------------

    @rpc
    @http("GET", "/webhooks")
    def list_webhooks(self, caller: Caller = None) -> Answer:
        """All webhooks, and how they stand."""
        return self.webhooks.all(caller)

    @rpc
    @http("POST", "/webhooks", status=201, location="/webhooks/{id}")
    def add_webhook(self, body: object, caller: Caller = None) -> Answer:
        """Make a webhook; the answer holds its secret."""
        return self.webhooks.add(body, caller)

    @rpc
    @http("GET", "/webhooks/<webhook_id>")
    def get_webhook(self, webhook_id: Any, caller: Caller = None) -> Answer:
        """A webhook, and how it stands."""
        return self.webhooks.read(webhook_id, caller)

    @rpc
    @http("PATCH", "/webhooks/<webhook_id>")
    def change_webhook(self, webhook_id: Any, body: object, caller: Caller = None) -> Answer:
        """Change a webhook, switch it off and on, or end its old secret."""
        return self.webhooks.change(webhook_id, body, caller)

    @rpc
    @http("DELETE", "/webhooks/<webhook_id>")
    def remove_webhook(self, webhook_id: Any, caller: Caller = None) -> Answer:
        """Take a webhook away."""
        return self.webhooks.remove(webhook_id, caller)

    @rpc
    @http("POST", "/webhooks/<webhook_id>/test", status=202)
    def test_webhook(self, webhook_id: Any, caller: Caller = None) -> Answer:
        """Have a test sent to a webhook."""
        return self.webhooks.test(webhook_id, caller)

    @rpc
    @http("POST", "/webhooks/<webhook_id>/rotate-secret")
    def rotate_webhook_secret(self, webhook_id: Any, body: object = None, caller: Caller = None) -> Answer:
        """Give a webhook another secret; the answer holds it."""
        return self.webhooks.rotate_secret(webhook_id, body, caller)

    # --- pages: what somebody gets by e-mail -------------------------------------------------------------

    @page("GET", "/notifications")
    def notifications_page(self, query: Any, caller: Caller = None) -> Page:
        """What the owner of an address gets: by the link of a letter, or signed in."""
        return choices_page.show(self.owners, query, caller)

    @page("POST", "/notifications")
    def choose_by_page(self, form: Any, caller: Caller = None) -> Redirect:
        """Choose something else."""
        return choices_page.choose(self.owners, form, caller)

    @page("POST", "/notifications/ask")
    def ask_by_page(self, form: Any, caller: Caller = None) -> Redirect:
        """Send who is signed in a letter to confirm their address."""
        return choices_page.ask(self.owners, caller)

    @page("GET", "/notifications/confirm")
    def confirm_page(self, query: Any) -> Page:
        """The yes of who was asked, to press."""
        return choices_page.confirm_form(self.owners, query)

    @page("POST", "/notifications/confirm")
    def confirm_by_page(self, form: Any) -> Page:
        """It was pressed."""
        return choices_page.confirm(self.owners, form)

    @page("GET", "/notifications/unsubscribe")
    def unsubscribe_page(self, query: Any, caller: Caller = None) -> Page:
        """Where somebody gets who follows what is meant for mail programs: nothing is changed by that."""
        return choices_page.show(self.owners, query, caller)

    @http("POST", "/notifications/unsubscribe")
    def unsubscribe(self, query: Any) -> Answer:
        """A mail program says that its owner wants nothing more (RFC 8058); the link is enough."""
        self.owners.choose(self.owners.by_link(query.get("token")), choices.NOTHING)
        return {"status": "unsubscribed"}
