"""A clock that can be stepped, for the processes that run under it: libfaketime, from Debian's package.

Their monotonic clocks go on undisturbed, as they do on a machine whose clock is set. Only for what is not sent
signals: a sleep that one interrupts ends in EINVAL under libfaketime.
"""

import subprocess
from pathlib import Path

from tests.support.expedite import ROOT

_CACHE = ROOT / ".devstack/libfaketime"
_MEMORY = Path("/dev/shm")
_UNPACK = ROOT / "devstack/unpack-packages.sh"


class Clock:
    """The time in `folder`. Start processes with `environment`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._offset = folder / "clock"
        self._library = _library()
        self.step(0)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process, and all that it starts, live by this clock."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_CACHE_DURATION": "1",  # seconds until a step is noticed
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: int) -> None:
        """Set the clock to so many seconds after the machine's."""
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self._offset)

    def close(self) -> None:
        """Remove what the library leaves in memory of processes that are killed. Call it when they have ended."""
        for left in _MEMORY.glob("*faketime_s[eh]m_*"):  # of another clock too: it makes what it misses anew
            if not Path("/proc", left.name.rpartition("_")[2]).exists():
                left.unlink(missing_ok=True)


def _library() -> Path:
    """libfaketime's library for programs with threads; downloaded once, and not installed."""
    if not _CACHE.exists():
        subprocess.run(["sh", _UNPACK, _CACHE, "libfaketime"], check=True, timeout=300)
    [library] = _CACHE.glob("usr/lib/*/faketime/libfaketimeMT.so.1")
    return library
