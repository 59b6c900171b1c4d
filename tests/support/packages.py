"""Servers that only tests need: the machine's, or else a private copy of Debian's that is not installed."""

import shutil
import subprocess

from tests.support.expedite import ROOT

_UNPACK_SECONDS = 300


def program(package: str, name: str) -> tuple[str, str]:
    """The program's path, and what LD_LIBRARY_PATH it needs."""
    if found := shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"):
        return found, ""
    folder = ROOT / ".devstack" / package
    if not folder.exists():
        subprocess.run(
            [ROOT / "devstack/unpack-packages.sh", folder, package],
            check=True,
            capture_output=True,
            timeout=_UNPACK_SECONDS,
        )
    libraries = {path.parent for path in folder.glob("usr/lib/**/*.so*")}
    return str(next(folder.glob(f"usr/*bin/{name}"))), ":".join(map(str, libraries))
