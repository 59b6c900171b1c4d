"""Finds a RabbitMQ server program on this machine, or gets one without installing anything."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.processes import DevstackError, command_for, end, say, spawn

UNPACK_SECONDS = 600
UNPACK = Path(__file__).with_name("unpack-packages.sh")
WITHIN_TREE = Path(__file__).with_name("within-tree.sh")
IMAGE = "rabbitmq:3.13"


@dataclass(frozen=True)
class Node:
    """Where a private node lives, its ports on 127.0.0.1, and the account it is used with.

    `membership` is for one that is not alone.
    """

    folder: Path
    user: str
    password: str
    port: int
    distribution_port: int
    epmd_port: int
    membership: "Membership | None" = None

    @property
    def name(self) -> str:
        return self.membership.name if self.membership else "expedite@localhost"


@dataclass(frozen=True)
class Membership:
    """A node's place in a cluster: its own name and all nodes' (with the same secret), the ports of the name
    server that tells where they are and of this node, and the account of the cluster's first start."""

    name: str
    names: tuple[str, ...]
    secret: str
    epmd_port: int
    distribution_port: int
    password: str

    @property
    def configuration(self) -> str:
        """Lines of rabbitmq.conf."""
        nodes = (f"cluster_formation.classic_config.nodes.{n} = {each}\n" for n, each in enumerate(self.names, 1))
        return "cluster_formation.peer_discovery_backend = classic_config\n" + "".join(nodes)


@dataclass(frozen=True)
class InstalledServer:
    """RabbitMQ's scripts and Erlang, each in a folder of this machine, and where else to look for libraries.

    `tree` is where another release of Debian was unpacked (`rabbitmq_releases`): the scripts and Erlang are in it,
    and their programs run with its `usr` in the place of the machine's.
    """

    scripts: Path
    erlang: Path
    libraries: tuple[Path, ...] = ()
    tree: Path | None = None

    def spawn(self, node: Node, log: Path) -> list[subprocess.Popen[bytes]]:
        """Starts the node; gives its processes, the one that is the node first."""
        configuration = node.folder / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"listeners.tcp.local = 127.0.0.1:{node.port}\n"
            f"default_user = {node.user}\n"
            f"default_pass = {node.password}\n" + (node.membership.configuration if node.membership else "")
        )
        environment = self._environment(node)
        processes = []
        if node.membership is None:
            # Erlang's name server: the node would start it as a daemon, which outlives it.
            epmd = [str(self._erlang / "bin/epmd"), "-address", "127.0.0.1", "-port", str(node.epmd_port)]
            processes.append(spawn(self.command(epmd), log, dies_with=signal.SIGKILL, environment=environment))
        else:
            cookie = node.folder / ".erlang.cookie"
            if not cookie.exists():
                cookie.touch(mode=0o600)
                cookie.write_text(node.membership.secret)
                cookie.chmod(0o400)
        # By relative names, as the scripts do not quote the name of their own folder.
        command = self.command(["./rabbitmq-server"])
        server = spawn(command, log, dies_with=signal.SIGTERM, environment=environment, folder=self.scripts)
        return [server, *processes]

    def command(self, command: Sequence[str | Path]) -> list[str | Path]:
        """What runs a program of this server, from its folder of scripts."""
        if self.tree is None:
            return list(command)
        alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--"]
        folder = Path("/") / self.scripts.relative_to(self.tree)
        return [*alone, "sh", WITHIN_TREE, self.tree, folder, *command]

    @property
    def _erlang(self) -> Path:
        """Where its programs find Erlang."""
        return self.erlang if self.tree is None else Path("/") / self.erlang.relative_to(self.tree)

    def ctl(self, node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs rabbitmqctl against the node, for at most 60 seconds."""
        return subprocess.run(
            self.command(["./rabbitmqctl", *arguments]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self._environment(node),
            cwd=self.scripts,
        )

    def evaluate(self, node: Node, expression: str) -> None:
        """Has the node evaluate an Erlang expression, in milliseconds; raises DevstackError when it fails."""
        # The cookie that lets it in stands in the home folder of the environment.
        done = subprocess.run(
            self.command([self._erlang / "bin/erl_call", "-address", f"127.0.0.1:{node.distribution_port}", "-e"]),
            input=f"{expression}.\n",
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env=self._environment(node),
        )
        if not done.stdout.startswith("{ok"):
            raise DevstackError(f"RabbitMQ refused {expression}: {done.stdout}{done.stderr}")

    def kill(self, node: Node, processes: list[subprocess.Popen[bytes]]) -> None:
        """Ends the node's processes with SIGKILL."""
        for process in processes:
            process.kill()
            process.wait(10)

    def _environment(self, node: Node) -> dict[str, str]:
        # Nothing of the machine's own RabbitMQ or Erlang settings may reach the node.
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        folder = str(node.folder)
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        # Seconds after which a node that says nothing counts as gone; a minute by default.
        patience = "-kernel net_ticktime 8" if node.membership else ""
        # Erlang looks for a module in one folder after the other, and the fifty plugins come first:
        # naming the likely ones before them halves the time of a start.
        likely = [*self.erlang.glob("lib/*/ebin"), *self.scripts.glob("../plugins/rabbit-*/ebin")]
        likely += self.scripts.glob("../plugins/rabbit_common-*/ebin")
        search = " ".join(os.path.relpath(place, self.scripts) for place in likely)
        return {
            **inherited,
            "PATH": f"{self._erlang}/bin:{os.environ.get('PATH', os.defpath)}",
            "LD_LIBRARY_PATH": ":".join(
                [*map(str, self.libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
            ),
            "HOME": folder,  # of the Erlang cookie
            "ERL_EPMD_PORT": str(node.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": f"{folder}/erl_crash.dump",
            "RABBITMQ_NODENAME": node.name,
            "RABBITMQ_DIST_PORT": str(node.distribution_port),
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{loopback} {patience} -pa {search}",
            "RABBITMQ_CTL_ERL_ARGS": loopback,
            # The start script then becomes the node, instead of waiting for it as its parent ...
            "RABBITMQ_ALLOW_INPUT": "1",
            # ... and the node still reads nothing from the terminal, and leaves Ctrl-C to us.
            "RABBITMQ_SERVER_START_ARGS": "-noinput +B i",
        }


@dataclass(frozen=True)
class DockerServer:
    """RabbitMQ in a container of the Docker daemon, which is removed when it stops."""

    def spawn(self, node: Node, log: Path) -> list[subprocess.Popen[bytes]]:
        """Starts the container; its process here is the docker client, which passes signals on."""
        data = node.folder / "container"
        data.mkdir(exist_ok=True)
        command: list[str | Path] = [
            "docker",
            "run",
            "--rm",
            "--name",
            self._name(node),
            "--hostname",
            "expedite",
        ]
        command += ["--user", f"{os.geteuid()}:{os.getegid()}", "--volume", f"{data}:/var/lib/rabbitmq"]
        command += ["--publish", f"127.0.0.1:{node.port}:5672"]
        command += ["--env", "RABBITMQ_DEFAULT_USER", "--env", "RABBITMQ_DEFAULT_PASS", IMAGE]
        account = {"RABBITMQ_DEFAULT_USER": node.user, "RABBITMQ_DEFAULT_PASS": node.password}
        return [spawn(command, log, dies_with=signal.SIGTERM, environment={**os.environ, **account})]

    def ctl(self, node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs rabbitmqctl in the container, for at most 60 seconds."""
        command = ["docker", "exec", self._name(node), "rabbitmqctl", *arguments]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    def evaluate(self, node: Node, expression: str) -> None:
        """Has the node evaluate an Erlang expression; raises DevstackError when it fails."""
        done = self.ctl(node, "eval", f"{expression}.")
        if done.returncode:
            raise DevstackError(f"RabbitMQ refused {expression}: {done.stdout}{done.stderr}")

    def kill(self, node: Node, processes: list[subprocess.Popen[bytes]]) -> None:
        """Kills the container at once."""
        subprocess.run(["docker", "kill", self._name(node)], capture_output=True, timeout=30, check=False)
        for process in processes:
            end(process, signal.SIGTERM, 10)

    def _name(self, node: Node) -> str:
        return f"expedite-rabbitmq-{node.port}"


def find_server(cache: Path) -> InstalledServer | DockerServer:
    """Gives the system's RabbitMQ, else Debian's unpacked in `cache` (downloaded if need be), else Docker's.

    Raises DevstackError with what to install when there is none of them.
    """
    if Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists():
        # What Debian puts on the PATH is a wrapper that runs as the user rabbitmq only.
        return _installed(Path("/usr/lib/rabbitmq/bin/rabbitmq-server"))
    if program := shutil.which("rabbitmq-server"):
        return _installed(Path(program))
    failure = ""
    if not cache.exists():
        say("getting RabbitMQ: downloading Debian's packages (35 MB, once), installing nothing")
        failure = unpack(cache, "rabbitmq-server", "(erlang|rabbitmq)-.*")
    if cache.exists():
        return _unpacked(cache)
    if _docker_answers():
        return DockerServer()
    raise DevstackError(
        f"found no RabbitMQ, could not get Debian's ({failure}), and no Docker daemon answers: "
        "install the package rabbitmq-server, or set AMQP_URI to a RabbitMQ that runs elsewhere"
    )


def _installed(program: Path) -> InstalledServer:
    erl = shutil.which("erl")
    if erl is None:
        raise DevstackError(f"found {program}, but no erl on the PATH: install the package erlang-base")
    return InstalledServer(program.resolve().parent, Path(erl).resolve().parent.parent)


def unpack(folder: Path, packages: str, own: str, suite: str = "") -> str:
    """Downloads and unpacks Debian's packages (see unpack-packages.sh); gives the reason when that fails."""
    command = command_for(["sh", UNPACK, folder, packages, own, suite], signal.SIGTERM)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=UNPACK_SECONDS)
        except subprocess.TimeoutExpired:
            output = f"it took more than {UNPACK_SECONDS} seconds"
        finally:
            if process.poll() is None:
                end(process, signal.SIGTERM, 10)
    return output.strip().rpartition("\n")[2]


def _unpacked(cache: Path) -> InstalledServer:
    # Debian's erl knows its folder by an absolute name; ours shall find it from where it stands.
    erl = cache / "usr/lib/erlang/bin/erl"
    text = erl.read_text()
    relocatable = text.replace("ROOTDIR=/usr/lib/erlang\n", 'ROOTDIR=$(cd "$(dirname "$0")/.." && pwd)\n')
    if relocatable != text:
        patched = erl.with_name(f"erl.{os.getpid()}")
        patched.write_text(relocatable)
        patched.chmod(0o755)
        patched.replace(erl)
    [scripts] = cache.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
    libraries = (*cache.glob("lib/*-linux-*"), *cache.glob("usr/lib/*-linux-*"))
    return InstalledServer(scripts, cache / "usr/lib/erlang", libraries)


def _docker_answers() -> bool:
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, timeout=20, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
