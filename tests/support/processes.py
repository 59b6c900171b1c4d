"""What runs on this machine out of a folder."""

from pathlib import Path

from devstack.processes import command_line


def processes_of(folder: Path) -> list[str]:
    """The command lines that name the folder, of programs that still run."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    lines = [command_line(pid).replace(b"\0", b" ").decode(errors="replace") for pid in pids]
    return [line for line in lines if str(folder) in line]
