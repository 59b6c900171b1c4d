"""The version of before: the code as it was when the newest migration had not been written, taken from git."""

import subprocess
from pathlib import Path

from tests.support.expedite import ROOT

_MIGRATIONS = "alembic/versions"


class NoHistory(AssertionError):
    """The version of before cannot be had."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why} An upgrade is tried from the version before the newest migration, which is taken from git:"
            " clone the repository with its history, or fetch it (git fetch --unshallow), and run this again."
        )


def unpack(commit: str, folder: Path) -> None:
    """The code of a commit into `folder`. Raises NoHistory."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = _git("archive", "--format=tar", commit)
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True, timeout=60)


def before_the_newest_migration() -> str:
    """The commit on this branch after which the newest migration came: what ran until then. Raises NoHistory."""
    written = _lines("ls-files", "--others", "--exclude-standard", _MIGRATIONS)
    if written or _lines("diff", "--name-only", "--diff-filter=A", "HEAD", "--", _MIGRATIONS):
        return "HEAD"  # it is being written
    # What was merged came with the merge.
    added = _lines("log", "--first-parent", "-m", "--diff-filter=A", "--format=%H", "-n1", "--", _MIGRATIONS)
    if not added:
        raise NoHistory("No commit of this clone has added a migration.")
    before = _lines("rev-parse", "--verify", "--quiet", f"{added[0]}^")
    if not before:
        raise NoHistory("This clone does not go back behind the newest migration.")
    return before[0]


def _lines(*arguments: str) -> list[str]:
    return _git(*arguments).decode().splitlines()


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False, timeout=60)
    except OSError as exc:
        raise NoHistory("There is no git here.") from exc
    if done.returncode and arguments[0] != "rev-parse":
        raise NoHistory(f"git {arguments[0]} failed: {done.stderr.decode().strip()}.")
    return done.stdout
