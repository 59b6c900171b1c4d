"""From a message to the mail server, by SMTP.

Under `nameko run` the sockets, TLS and the look-up of names give way to other threads, and each wait is bounded;
so is the whole, by the deliverer.
"""

import contextlib
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cache

from notifier_service.deliveries.channel import GivenUp, Outcome, Sent, TryAgain
from notifier_service.settings import STARTTLS, TLS, MailSettings

_STEP_SECONDS = 15.0  # for each answer of the server
_FOR_EVER = 500  # answers from here on are for ever, below for now (RFC 5321, 4.2.1)


def send(message: EmailMessage, sender: Address, recipient: Address, settings: MailSettings) -> Outcome:
    """Hand the message over. When the server has taken it, it is the server's to deliver, and to send back.

    What it says against the letter or its address for ever is given up. What it has against us (the sign-in, the
    sender, TLS) is for the operator to set right, and until then the letter comes again.
    """
    try:
        with contextlib.closing(_connected(settings, sender.domain)) as server:
            return _handed_over(server, message, sender, recipient)
    except ssl.SSLCertVerificationError:
        return TryAgain("the mail server's certificate is not good")
    except smtplib.SMTPAuthenticationError as exc:
        return TryAgain(f"the mail server does not let us sign in ({exc.smtp_code})")
    except smtplib.SMTPNotSupportedError:
        return TryAgain("the mail server does not offer what SMTP_SECURITY or SMTP_USER asks for")
    except smtplib.SMTPResponseException as exc:
        return TryAgain(f"the mail server does not take letters ({exc.smtp_code})")
    except (OSError, smtplib.SMTPException) as exc:  # SMTPException is an OSError, too; not all that it raises is
        return TryAgain(f"no mail server, or it was lost ({type(exc).__name__})")


def _connected(settings: MailSettings, own_name: str) -> smtplib.SMTP:
    """A connection that is as safe as it shall be, and signed in."""
    # It would ask the name server for this machine's name, if it were not told one.
    if settings.security == TLS:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, own_name, timeout=_STEP_SECONDS, context=_trust()
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port, own_name, timeout=_STEP_SECONDS)
    try:
        if settings.security == STARTTLS:
            server.starttls(context=_trust())
        if settings.user:
            server.login(settings.user, settings.password)
    except BaseException:
        server.close()
        raise
    return server


def _handed_over(server: smtplib.SMTP, message: EmailMessage, sender: Address, recipient: Address) -> Outcome:
    try:
        server.send_message(message, sender.addr_spec, [recipient.addr_spec])
    except smtplib.SMTPRecipientsRefused as exc:
        [(code, _)] = exc.recipients.values()
        return _refused(code, "the mail server does not take the address")
    except smtplib.SMTPDataError as exc:
        return _refused(exc.smtp_code, "the mail server does not take the letter")
    with contextlib.suppress(OSError, smtplib.SMTPException):  # it has the letter, whatever comes now
        server.quit()
    return Sent()


def _refused(code: int, what: str) -> Outcome:
    return GivenUp(f"{what} ({code})") if code >= _FOR_EVER else TryAgain(f"{what} now ({code})")


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that this machine trusts, and the host's own name in them; made once, since reading them
    takes long. SSL_CERT_FILE in the environment names others."""
    return ssl.create_default_context()
