"""From a letter to a message, as a mail server takes it: plain text and HTML, and headers that nothing can be put
into."""

from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifier_service.deliveries.channel import Delivery
from notifier_service.mail.letter import Letter, Link
from notifier_service.mail.mailboxes import mailbox


class _AsItIs(UnstructuredHeader, BaseHeader):
    """A header with an address of the web in it: broken to a line's length, it would be one no more."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _AsItIs)
# Every server takes seven bits.
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)


def message_of(delivery: Delivery, letter: Letter, sender: Address) -> EmailMessage:
    """The message. It has the same Message-ID however often it is tried, and another one when somebody has it sent
    again by hand. Raises NoAddress."""
    message = EmailMessage(_POLICY)
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = f"<{delivery.event_id}.{delivery.sent_again}@{sender.domain}>"
    message["From"] = sender
    message["To"] = mailbox(delivery.recipient)
    message["Subject"] = " ".join(letter.subject.split())
    message["Auto-Submitted"] = "auto-generated"  # nobody's absence is to be answered to it (RFC 3834)
    if letter.unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(_rendered("letter.txt", letter))
    message.add_alternative(_rendered("letter.html", letter), subtype="html")
    return message


def _rendered(template: str, letter: Letter) -> str:
    return _templates().get_template(template).render(letter=letter)


@cache
def _templates() -> Environment:
    """HTML is escaped, plain text is not."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.tests["link"] = lambda note: isinstance(note, Link)
    return made
