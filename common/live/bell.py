"""What one thread waits for and others ring: however often it rang meanwhile, that is once."""

from eventlet.event import Event


class Bell:
    """For one who waits."""

    def __init__(self) -> None:
        self._has_rung = False
        self._waiting: Event | None = None

    def ring(self) -> None:
        """Wake who waits, or who waits next. Switches to no other thread."""
        self._has_rung = True
        if self._waiting is not None and not self._waiting.ready():
            self._waiting.send()

    def wait(self, seconds: float) -> bool:
        """True when it has rung since the last time, as soon as it has; false when these seconds are over."""
        if not self._has_rung:
            self._waiting = Event()
            try:
                self._waiting.wait(seconds)
            finally:
                self._waiting = None
        has_rung, self._has_rung = self._has_rung, False
        return has_rung
