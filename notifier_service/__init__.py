"""Tells people and systems what happens to orders. Run it with `nameko run --config config.yml
notifier_service`."""

from notifier_service.service import NotifierService

__all__ = ["NotifierService"]
