"""Files of the development stack that only their owner may read."""

from collections.abc import Callable
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)


def kept(file: Path, make: Callable[[], str]) -> str:
    """What the file holds; what `make` gives when it is not there yet, which is kept from then on."""
    if not file.exists():
        write_private(file, make())
    return file.read_text()
