"""The deployment's proxy for the tests, with its real configuration: deploy/proxy/haproxy.cfg."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

from devstack.processes import command_for, free_port
from tests.support.eventually import eventually
from tests.support.expedite import ROOT
from tests.support.packages import program


class Proxy:
    """HAProxy on 127.0.0.1, in front of an order_service, a kitchen_service, a tracking_service and a
    notifier_service (host:port)."""

    def __init__(self, folder: Path, order: str, kitchen: str, tracking: str, notifier: str) -> None:
        self._folder = folder
        self._plain, self._secure = free_port(), free_port()
        self._upstream = {
            "ORDER_SERVER": order,
            "KITCHEN_SERVER": kitchen,
            "TRACKING_SERVER": tracking,
            "NOTIFIER_SERVER": notifier,
        }
        self._popen: subprocess.Popen[bytes] | None = None
        (folder / "certificates").mkdir()
        self.renew_certificate()

    @property
    def url(self) -> str:
        """What PUBLIC_URL is."""
        return f"https://127.0.0.1:{self._secure}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self._plain}"

    @property
    def certificate(self) -> Path:
        return self._folder / "certificates" / "expedite.pem"

    @property
    def popen(self) -> "subprocess.Popen[bytes]":
        assert self._popen is not None, "not started"
        return self._popen

    @property
    def pid(self) -> int:
        """Of the process that serves customers."""
        master = self.popen.pid
        return int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])

    def renew_certificate(self) -> None:
        """A new one in the place of the former, as whoever renews certificates does."""
        key, crt = self._folder / "key", self._folder / "crt"
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                ),
                *("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", key, "-out", crt),
            ],
            check=True,
            capture_output=True,
            timeout=30,
        )
        self.certificate.write_text(crt.read_text() + key.read_text())

    def start(self) -> None:
        """Until it takes connections."""
        path, libraries = program("haproxy", "haproxy")
        self._popen = subprocess.Popen(
            # As its image does.
            command_for([path, "-W", "-db", "-f", ROOT / "deploy/proxy/haproxy.cfg"], dies_with=signal.SIGTERM),
            env={
                **os.environ,
                "LD_LIBRARY_PATH": libraries,
                "HTTP_BIND": f"127.0.0.1:{self._plain}",
                "HTTPS_BIND": f"127.0.0.1:{self._secure}",
                "PUBLIC_URL": self.url,
                "CERTIFICATES": str(self.certificate.parent),
                "PROXY_UID": str(os.getuid()),
                "PROXY_GID": str(os.getgid()),
                "INIT_ADDR": "libc",
                **self._upstream,
            },
            stdin=subprocess.DEVNULL,
            stdout=(self._folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        eventually(self._takes_connections)

    def _takes_connections(self) -> bool:
        assert self.popen.poll() is None, (self._folder / "log").read_text()
        with socket.create_connection(("127.0.0.1", self._secure), timeout=1):
            return True

    def connect(self, address: str = "127.0.0.1") -> ssl.SSLSocket:
        """A connection of a customer who has that address, of 127.0.0.0/8."""
        bare = socket.create_connection(("127.0.0.1", self._secure), timeout=30, source_address=(address, 0))
        try:
            return ssl.create_default_context(cafile=self.certificate).wrap_socket(
                bare, server_hostname="127.0.0.1"
            )
        except OSError:
            bare.close()
            raise

    def ask(self, sent: bytes, address: str = "127.0.0.1") -> bytes:
        """What is answered to these bytes until the connection is closed, or nothing comes for a while."""
        answer = b""
        with self.connect(address) as connection, contextlib.suppress(OSError):
            with contextlib.suppress(OSError):
                connection.sendall(sent)
            while received := connection.recv(65536):
                answer += received
                connection.settimeout(1)
        return answer

    def logged(self) -> list[dict[str, Any]]:
        """Its lines about requests."""
        lines = (self._folder / "log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def stop(self) -> None:
        if self._popen is not None:
            self._popen.terminate()
            self._popen.wait(10)
