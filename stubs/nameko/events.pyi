from typing import Any

from nameko.messaging import Consumer

BROADCAST: str

class EventHandler(Consumer):
    source_service: Any
    event_type: str
    handler_type: str
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    @property
    def broadcast_identifier(self) -> str | None: ...
