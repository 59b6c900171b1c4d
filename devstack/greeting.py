"""What `make run` says when everything runs: where to look, how to sign in, and how to order."""

from devstack.processes import say
from devstack.running import Running

ORDER = (
    '{"customer_name":"Ada Lovelace","order_type":"takeout",'
    '"items":[{"name":"Margherita Pizza","quantity":1,"price":15.99}]}'
)


def greet(expedite: Running) -> None:
    """Says all of it."""
    say_where(expedite)
    say("For programs, each with what it answers at /docs:")
    for service, url in expedite.services.items():
        say(f"  {service:17} {url}")
    say("Place an order:")
    say(f"  curl -H 'Content-Type: application/json' -d '{ORDER}' {expedite.services['order_service']}/orders")
    say("In another terminal, `. .devstack/env` gives nameko and alembic all of this.")
    say("Ctrl-C stops it.\n")


def say_where(expedite: Running) -> None:
    """Says where the pages are, and who sees those of staff."""
    orders, kitchen, tracking = (expedite.pages[name] for name in ("PUBLIC_URL", "KITCHEN_URL", "TRACKING_URL"))
    say(f"\nExpedite is ready, after {expedite.seconds:.0f} s. Open in a browser:")
    for page, url in (
        ("order page", f"{orders}/"),
        ("board", f"{kitchen}/board"),
        ("dashboard", f"{tracking}/dashboard"),
        ("lobby", f"{tracking}/lobby"),
        ("menu", f"{orders}/menu"),
    ):
        say(f"  {page:17} {url}")
    say(f"Board, dashboard and menu are for staff. Sign in at {orders}/sign-in as")
    if expedite.account is not None:
        say(f"  {'e-mail':17} {expedite.account.email}")
        say(f"  {'password':17} {expedite.account.password}")
        say("  (an admin in this checkout's own database only; .devstack/staff_password keeps the password)")
    else:
        say("  whom `make admin EMAIL=you@example.com` makes an admin, in another terminal")
