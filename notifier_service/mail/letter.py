"""What a letter is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """Words, and where they lead."""

    words: str
    url: str


@dataclass(frozen=True)
class Letter:
    """Plain words; they are escaped where a message is made of them. `notes` are small, below: why it came, what
    to do about it. `unsubscribe` is where mail programs say that somebody wants no more of it (RFC 8058); a letter
    that somebody asked for by what they did has none."""

    subject: str
    headline: str
    paragraphs: tuple[str, ...] = ()
    button: Link | None = None
    notes: tuple[str | Link, ...] = ()
    unsubscribe: str | None = None
