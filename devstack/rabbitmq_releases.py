"""Releases of RabbitMQ that this machine's Debian does not have, from other suites of Debian.

Each is unpacked once, with all that it needs down to the C library, into a folder of the checkout. Its programs
see the tree's `usr` in the place of the machine's, in a mount namespace of their own: that takes root, or a kernel
that lets everybody make user namespaces.
"""

import fcntl
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from devstack.processes import DevstackError, say
from devstack.rabbitmq_server import UNPACK_SECONDS, InstalledServer, unpack

CACHE = Path(__file__).absolute().parent.parent / ".devstack/rabbitmq-releases"

#: Each with the suite that has it; sid moves on, which `released` notices.
SUITES = {"3.10": "bookworm", "4.0": "trixie", "4.3": "sid"}

# The shell that RabbitMQ's scripts are run by, and what they call: Debian takes these for granted.
_PACKAGES = "rabbitmq-server dash coreutils sed grep"


def released(version: str, cache: Path = CACHE) -> InstalledServer:
    """The server of that release. The first time it is downloaded (75 MB), in at most 10 minutes, while others who
    want it wait. Raises DevstackError, which says what is missing."""
    if version not in SUITES:
        raise DevstackError(f"RABBITMQ_RELEASE is one of {', '.join(SUITES)}")
    tree = cache / version
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{version}.lock").open("w") as lock:
        _wait_for(lock.fileno(), version)
        if not tree.exists():
            say(f"getting RabbitMQ {version}: downloading Debian's packages (75 MB, once), installing nothing")
            failure = unpack(tree, _PACKAGES, "", SUITES[version])
            if not tree.exists():
                raise DevstackError(f"could not get RabbitMQ {version} from Debian {SUITES[version]}: {failure}")
    [scripts] = (tree / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin")
    if not scripts.parent.name.startswith(f"rabbitmq_server-{version}."):
        raise DevstackError(f"Debian {SUITES[version]} has {scripts.parent.name} by now: see {__name__}.SUITES")
    server = InstalledServer(scripts, tree / "usr/lib/erlang", tree=tree)
    _try(server)
    return server


def _wait_for(lock: int, version: str) -> None:
    def too_long(*_: object) -> None:
        raise DevstackError(f"somebody else has been getting RabbitMQ {version} for {UNPACK_SECONDS} seconds")

    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(UNPACK_SECONDS)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _try(server: InstalledServer) -> None:
    done = subprocess.run(
        server.command(["true"]), capture_output=True, text=True, timeout=30, check=False, env=dict(os.environ)
    )
    if done.returncode:
        raise DevstackError(
            "RabbitMQ of another Debian needs a mount namespace, for which one is root or may make user "
            f"namespaces, and a machine whose /bin and /lib lead to /usr: {done.stderr.strip()}"
        )


if __name__ == "__main__":
    for each in SUITES:
        released(each)
