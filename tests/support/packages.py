"""Programs that only tests need: the machine's, or else a private copy of Debian's that is not installed."""

import shutil
import subprocess
from pathlib import Path

from tests.support.expedite import ROOT

_UNPACK_SECONDS = 300


def program(package: str, name: str) -> tuple[str, str]:
    """The program's path, and what LD_LIBRARY_PATH it needs."""
    if found := shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"):
        return found, ""
    folder = unpacked(package)
    return str(next(folder.glob(f"usr/*bin/{name}"))), libraries(folder)


def unpacked(package: str) -> Path:
    """The folder of a private copy of a Debian package, with what it needs beside it."""
    folder = ROOT / ".devstack" / package
    if not folder.exists():
        subprocess.run(
            [ROOT / "devstack/unpack-packages.sh", folder, package],
            check=True,
            capture_output=True,
            timeout=_UNPACK_SECONDS,
        )
    return folder


def libraries(folder: Path) -> str:
    """Where a copy's libraries are, as LD_LIBRARY_PATH wants it."""
    return ":".join(sorted({str(path.parent) for path in folder.glob("usr/lib/**/*.so*")}))
