"""From an order that names an e-mail address to the letter that says that it is ready, through all services."""

from urllib.parse import parse_qs, urlsplit

import requests

from tests.support import mail_server as mails
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.mail_server import link


def test_who_says_yes_is_told_when_their_order_is_ready_and_the_letter_leads_there(expedite: Expedite) -> None:
    with mails.mail_server() as server:
        sends = mails.settings(server)
        expedite.start("order_service", **sends)
        expedite.start("tracking_service")
        notifier = expedite.start("notifier_service", **sends)
        eventually(lambda: notifier.actions("rabbitmq_connected"))
        expedite.start_worker()

        first = expedite.place(notification_email="Ada@Example.com")
        [question] = eventually(lambda: server.letters)
        assert question["To"] == "ada@example.com"
        at, _, query = link(question, "Yes, write me").partition("?")
        page = requests.get(f"{at}?{query}", timeout=10)
        assert "Shall we write you?" in page.text
        said = {"token": parse_qs(query)["token"][0], "wants": "ready"}
        # As a browser that shows the page sends it.
        requests.post(at, data=said, headers={"Origin": notifier.url}, timeout=10).raise_for_status()

        number = expedite.place_number(notification_email="ada@example.com")
        [_, ready] = eventually(lambda: server.letters if len(server.letters) == 2 else None)
        assert ready["Subject"] == f"Order {number.rpartition('_')[2]}: Ready for pickup"
        tracking = link(ready, f"See order {number.rpartition('_')[2]}")
        assert urlsplit(tracking).path == urlsplit(str(first["tracking_url"])).path.replace(
            str(first["order_number"]), number
        )
        assert "Ada Lovelace" in requests.get(tracking, timeout=10).text
        # Who was told what is no secret to the log, and to whom is.
        eventually(lambda: len(notifier.actions("delivery_sent")) == 2)
        assert "example.com" not in str(notifier.logged())
