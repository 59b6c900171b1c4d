"""How somebody at the terminal stops the development stack."""

import signal
from types import FrameType


class StopRequestedError(BaseException):
    """Ctrl-C, SIGTERM, or the terminal was closed."""


class StopSignals:
    """Turns the first signal to stop into StopRequestedError; the next one asks to hurry."""

    def __init__(self) -> None:
        self._received = 0
        self._stopping = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup the closed terminal is meant not to stop us.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def stopping(self) -> None:
        """From now on a signal no longer interrupts: everything is being stopped already."""
        self._stopping = True
        self._received = max(self._received, 1)

    def hurried(self) -> bool:
        """Tells whether somebody has asked again."""
        return self._received > 1

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received += 1
        if not self._stopping:
            self._stopping = True
            raise StopRequestedError
