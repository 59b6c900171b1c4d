"""The image is built from its Dockerfile, by buildah, with no root's rights and from no registry, and what the
chart runs in it works as a pod is confined. What stands in for the base image is a Debian with the same version of
Python.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.postgres import Postgres
from tests.conftest import copied_database
from tests.support.expedite import ROOT
from tests.support.pods import Pods

_BUILD_SECONDS = 900

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can make the Debian that builds"),
    pytest.mark.skipif(
        not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists(), reason="has no keys of Debian's"
    ),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the image."""
    folder = tmp_path_factory.mktemp("image")
    done = subprocess.run(
        [ROOT / "tests/support/build-image.sh", ROOT / ".devstack/image-builder", folder / "image.tar"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    files = folder / "files"
    files.mkdir()
    unpack = ["tar", "--numeric-owner", "--directory", files, "-xf", folder / "image.tar"]
    subprocess.run(unpack, check=True, timeout=120)
    return files


@pytest.fixture
def pods(tmp_path: Path, image: Path, postgres: Postgres, amqp_uri: str) -> Iterator[Pods]:
    with copied_database(postgres.url, template="template0") as database_url:
        started = Pods(tmp_path, database_url, amqp_uri, image)
        yield started
        started.kill()


def test_only_what_runs_is_in_it_and_nobody_can_change_it(image: Path) -> None:
    there = {path.name for path in (image / "expedite").iterdir()}
    assert {"config.yml", "alembic", "order_service", "kitchen_service"} <= there
    assert there & {"tests", "docs", "deploy", ".git", ".devstack"} == set()
    for path in (image / "expedite").rglob("*"):
        assert path.stat().st_uid == 0
        assert not path.stat().st_mode & 0o022
    # Compiled, since a pod cannot write what it compiles.
    assert list((image / "expedite/order_service").rglob("*.pyc"))


def test_services_run_in_it_confined_and_cook_an_order(pods: Pods) -> None:
    pods.migrate()
    pods.start()
    for process in pods.running.values():
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        )
        assert set(status["Uid"].split()) == {"10001"}
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"nameko" in command
    assert pods.cooked(pods.place()["order_number"])
    assert set(pods.stop().values()) == {0}
