"""SQL statements that are too long to stand between lines of Python."""

import string
from pathlib import Path


class _Statement(string.Template):
    delimiter = "@"  # $1 is a parameter's, and : a cast's


def statement(beside: str, name: str, **constants: str) -> str:
    """The statement in `name`.sql, in the folder of the module `beside` (its __file__), with each @{constant} in
    its place. Constants are the code's own; what comes from outside is a parameter, always. Lines that are
    comments are left out: a parameter that they name is none."""
    text = Path(beside).with_name(f"{name}.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return _Statement("\n".join(lines)).substitute(constants)
