"""A mail server that takes letters as the real ones do: with TLS and a sign-in, and with answers of its own."""

import asyncio
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from devstack.processes import free_port

USER, PASSWORD = "orders", "correct horse"
SENDER = "Mario's <orders@eat.example>"


@dataclass
class MailServer:
    """What came stands in `letters`. `answers` are what it says to an address in place of taking its letter: a
    line, a line for its contents ("data 554 no"), "hang" for as long as it stands there, "drop" the connection; or
    "late", to take it and not say so for as long.
    """

    port: int
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    tries: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        self.tries.append(address)
        answer = self.answers.get(address, "")
        if answer.startswith(("4", "5")):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        [address] = envelope.rcpt_tos
        while self.answers.get(address) == "hang":
            await asyncio.sleep(0.02)
        if (answer := self.answers.get(address, "")).startswith("data "):
            return answer.removeprefix("data ")
        if self.answers.get(address) == "drop":
            assert server.transport is not None
            server.transport.close()
            return "250 OK"
        self.envelopes.append(envelope)
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.append(message_from_bytes(content, policy=default))  # type: ignore[arg-type]
        while self.answers.get(address) == "late":
            await asyncio.sleep(0.02)
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """The letters to an address."""
        return [letter for letter in self.letters if letter["To"] == address]

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=is_right)


@contextmanager
def mail_server(
    certificate: Path | None = None, security: str = "none", port: int | None = None
) -> Iterator[MailServer]:
    """It runs for the length of a block; with a certificate it asks for TLS and a sign-in."""
    taken = MailServer(port or free_port())
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": taken.port}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        options |= {"authenticator": taken.authenticate, "auth_required": True}
        if security == "tls":
            options |= {"ssl_context": context, "auth_require_tls": False}
        else:
            options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(taken, **options)
    controller.start()
    try:
        yield taken
    finally:
        taken.answers.clear()
        controller.stop()


def make_certificate(folder: Path, name: str = "localhost") -> Path:
    """A certificate for that name, and its key, in one file; it vouches for itself."""
    path, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", key, "-out", path],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    path.write_text(path.read_text() + key.read_text())
    return path


def settings(server: MailServer, **changes: Any) -> dict[str, Any]:
    """What a notifier is started with to send by it."""
    return {
        "SMTP_HOST": "localhost",
        "SMTP_PORT": server.port,
        "SMTP_SECURITY": "none",
        "MAIL_FROM": SENDER,
        **changes,
    }


def plain(letter: EmailMessage) -> str:
    """Its plain part."""
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def link(letter: EmailMessage, words: str) -> str:
    """Where the line with these words leads, in the plain part."""
    found = re.search(rf"^{re.escape(words)}:\s+(\S+)$", plain(letter), re.MULTILINE)
    assert found is not None, plain(letter)
    return found[1]
