"""What the notifier can be set to."""

from dataclasses import dataclass, field
from typing import Any

from common.pages.settings import PageSettings
from common.settings import ConfigReader, SettingsError
from notifier_service.mail.mailboxes import NoAddress, sender

STARTTLS, TLS, NONE = "starttls", "tls", "none"
_MIN_PAUSE, _MAX_PAUSE = 0.05, 86_400  # seconds
_MAX_ATTEMPTS = 50


@dataclass(frozen=True)
class MailSettings:
    """The mail server that takes letters. `host` is empty where none are sent; `sender` is an address, with a name
    or without."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    sender: str

    @classmethod
    def read(cls, config: ConfigReader) -> "MailSettings":
        """Raises SettingsError."""
        read = cls(
            config.text("SMTP_HOST").strip(),
            config.whole("SMTP_PORT", 1, 65535),
            config.text("SMTP_SECURITY"),
            config.text("SMTP_USER"),
            config.text("SMTP_PASSWORD"),
            config.text("MAIL_FROM").strip(),
        )
        if read.security not in (STARTTLS, TLS, NONE):
            raise SettingsError(f"SMTP_SECURITY is {STARTTLS}, {TLS} or {NONE}")
        if read.host and not _can_send(read.sender):
            raise SettingsError("MAIL_FROM is whom letters are from, like Mario's <orders@eat.example>")
        if read.user and read.security == NONE and not is_here(read.host):
            raise SettingsError("SMTP_USER and SMTP_PASSWORD would be sent readable: set SMTP_SECURITY")
        return read


@dataclass(frozen=True)
class NotifierSettings(PageSettings):
    """What config.yml says, for notifier_service."""

    mail: MailSettings
    delivery_pauses: tuple[float, ...]
    keep_deliveries: float  # days
    webhooks_allow_http: bool
    webhooks_allow_private: bool

    @classmethod
    def read(cls, config: ConfigReader, service_name: str) -> dict[str, Any]:
        return {
            **super().read(config, service_name),
            "mail": MailSettings.read(config),
            "delivery_pauses": _pauses(config),
            "keep_deliveries": config.number("KEEP_DELIVERIES", 1, 36_500),
            "webhooks_allow_http": config.flag("WEBHOOKS_ALLOW_HTTP"),
            "webhooks_allow_private": config.flag("WEBHOOKS_ALLOW_PRIVATE"),
        }


def is_here(host: str) -> bool:
    """True for this machine."""
    return host in ("localhost", "127.0.0.1", "::1")


def _can_send(written: str) -> bool:
    try:
        sender(written)
    except NoAddress:
        return False
    return True


def _pauses(config: ConfigReader) -> tuple[float, ...]:
    given = config.text("DELIVERY_PAUSES").split(",")
    try:
        pauses = tuple(float(pause) for pause in given)
    except ValueError as exc:
        raise SettingsError("DELIVERY_PAUSES is seconds, separated by commas, like 5,30,120") from exc
    if len(pauses) >= _MAX_ATTEMPTS or not all(_MIN_PAUSE <= pause <= _MAX_PAUSE for pause in pauses):
        raise SettingsError(
            f"DELIVERY_PAUSES are fewer than {_MAX_ATTEMPTS}, each from {_MIN_PAUSE} to {_MAX_PAUSE} seconds"
        )
    return pauses
