"""The code that is measured: today's and, with --against, another revision's beside it."""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.drivers import ROOT, BenchError

_UNPACK_SECONDS = 60
# What PYTHONVERBOSE says of a module that is read from its source, or from what was compiled of it.
_IMPORTED = re.compile(r"^# (?:code object from|.*\.pyc matches) (.*\.py)$", re.MULTILINE)


@dataclass(frozen=True)
class Code:
    """A folder that services, their settings and their migrations are taken from."""

    name: str
    folder: Path

    @property
    def tables(self) -> str:
        """The database that has this code's tables and no rows."""
        return f"migrated_{self.name}"

    @property
    def config(self) -> Path:
        """Its settings; until November 2026 the file was config.yaml."""
        ours, former = self.folder / "config.yml", self.folder / "config.yaml"
        return ours if ours.exists() else former

    def figure(self, name: str) -> str:
        """What a figure of this code is called: today's have the plain names."""
        return name if self == NOW else f"{self.name} {name}"


NOW = Code("now", ROOT)


@contextlib.contextmanager
def unpacked(commit: str) -> Iterator[Code]:
    """The code of a commit, in a folder outside of this checkout that is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="expedite.before.") as folder:
        archive = subprocess.Popen(["git", "archive", "--format=tar", commit], cwd=ROOT, stdout=subprocess.PIPE)
        try:
            subprocess.run(["tar", "-x"], cwd=folder, stdin=archive.stdout, check=True, timeout=_UNPACK_SECONDS)
        except subprocess.CalledProcessError as error:
            raise BenchError(f"the code of {commit} could not be unpacked") from error
        finally:
            archive.kill()
            if archive.stdout is not None:
                archive.stdout.close()
            archive.wait(10)
        code = Code("before", Path(folder).resolve())
        if not (code.folder / "bench/fill.sql").exists():
            raise BenchError(f"{commit} is older than this benchmark, and cannot be measured by it")
        yield code


def commit_of(revision: str) -> str:
    """The short id of the commit that git knows by this name. Raises BenchError when there is none."""
    try:
        commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return _git("rev-parse", "--short=10", commit)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"{revision!r} is no commit of this repository: see `git log`") from error


def described_checkout(results: Path) -> str:
    """The commit of this checkout, and whether anything but the results differs from it; `unknown` without git."""
    try:
        commit = _git("rev-parse", "--short=10", "HEAD")
        changed = _git("status", "--porcelain", "--", ".", f":!{results.relative_to(ROOT)}")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes that are not committed" if changed else commit


def check_imports(code: Code, verbose_log: str, package: str) -> None:
    """Raises BenchError unless what PYTHONVERBOSE logged says that a package came from the code's folder only."""
    sources = [code.folder / path for path in _IMPORTED.findall(verbose_log)]
    ours = [path for path in sources if "site-packages" not in path.parts]  # libraries have folders of any name
    folders = {folder for path in ours for folder in path.parents if folder.name == package}
    if folders != {code.folder / package}:
        found = ", ".join(sorted(map(str, folders))) or "nowhere"
        raise BenchError(f"the services of {code.folder} import {package} from {found}: is PYTHONPATH set?")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()
