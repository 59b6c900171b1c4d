"""docker-compose.yml, the Dockerfile and deploy/ as text: there need be no Docker here."""

import os
import re
import shutil
import ssl
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.pages.settings import PageSettings
from common.settings import load_config
from kitchen_service import KitchenService
from kitchen_service.settings import KitchenSettings
from notifier_service import NotifierService
from order_service import OrderService
from order_service.settings import OrderSettings
from tests.support.expedite import ROOT
from tracking_service import TrackingService


class _Plain(yaml.SafeLoader):
    """Leaves ${NAME:default} as it is, also when nameko has taught YAML to put the environment in."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if "env_var" not in tag]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


COMPOSE: dict[str, Any] = yaml.load((ROOT / "docker-compose.yml").read_text(), _Plain)
CONTAINERS: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, container in CONTAINERS.items() if container["image"] == "expedite"]
KINDS = {
    service.name.removesuffix("_service"): service.settings_class
    for service in (OrderService, KitchenService, TrackingService, NotifierService)
}
SERVERS = [name for name in CONTAINERS if name != "migrate"]


def interpolated(text: str, given: dict[str, str]) -> str:
    """As compose does; a value that must be given and is not raises KeyError."""

    def value(found: re.Match[str]) -> str:
        name, kind, other = found[1], found[2], found[3]
        return given[name] if kind == ":?" else given.get(name) or other

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)


def environment(name: str, given: dict[str, str]) -> dict[str, str]:
    """What a container gets from compose when `given` stands in .env."""
    passed = {
        key: given.get(key) if value is None else interpolated(value, given)
        for key, value in CONTAINERS[name]["environment"].items()
    }
    return {key: value for key, value in passed.items() if value is not None}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_can_be_passed(name: str) -> None:
    asked_for = set(re.findall(r"\$\{(\w+)", (ROOT / "config.yml").read_text())) - {"NAME"}
    assert len(asked_for) > 30
    passed = CONTAINERS[name]["environment"]
    assert asked_for - set(passed) == set(), "docker-compose.yml does not pass these on"
    assert set(passed) - asked_for == set(), "config.yml does not know these"


def prepare(folder: Path, *host: str) -> dict[str, str]:
    """Run deploy/prepare.sh in a copy; gives what stands in .env."""
    (folder / "deploy").mkdir(exist_ok=True)
    shutil.copy(ROOT / "deploy/prepare.sh", folder / "deploy")
    subprocess.run([folder / "deploy/prepare.sh", *host], check=True, capture_output=True, timeout=60)
    return dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())


def test_what_prepare_makes_is_all_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = prepare(tmp_path, "bar.example")
    assert [name for name, kind in KINDS.items() if not issubclass(kind, PageSettings)] == ["notifier"]
    for name, kind in KINDS.items():
        passed = environment(name, given)
        for key in set(re.findall(r"\$\{(\w+)", (ROOT / "config.yml").read_text())):
            monkeypatch.delenv(key, raising=False)
        for key, value in passed.items():
            monkeypatch.setenv(key, value)
        found = kind.of(load_config(ROOT / "config.yml"), f"{name}_service")
        if isinstance(found, PageSettings):
            assert len(found.signing_key()) >= 32
            # Behind the proxy there is one address for all.
            assert found.own_origins == {"https://bar.example"}
            assert found.time_zone.key == "UTC"
        if isinstance(found, OrderSettings):
            assert found.open_items is False
            assert found.guest_orders is True
            assert found.rate_limits.order_address
        assert found.trusted_proxies == 1
        assert found.http_host == "0.0.0.0"
        assert given["POSTGRES_PASSWORD"] in found.database_url
        assert given["RABBITMQ_PASSWORD"] in found.amqp_uri
    assert environment("kitchen", {**given, "COOKING": "staffed"})["COOKING"] == "staffed"
    assert environment("order", {**given, "TIME_ZONE": "Europe/Rome"})["TIME_ZONE"] == "Europe/Rome"
    assert len(set(given.values())) == 4


def test_prepare_keeps_what_is_there_and_keeps_it_private(tmp_path: Path) -> None:
    first = prepare(tmp_path, "10.1.2.3")
    certificate = tmp_path / "deploy/proxy/certificates/expedite.pem"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o600
    assert [path.name for path in certificate.parent.iterdir()] == ["expedite.pem"]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate)
    before = certificate.read_text()
    assert prepare(tmp_path, "other.example") == first
    assert certificate.read_text() == before
    for secret in (".env", "deploy/proxy/certificates/expedite.pem"):
        subprocess.run(["git", "check-ignore", "--quiet", secret], cwd=ROOT, check=True, timeout=30)


def test_no_secret_stands_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for value in re.findall(r"(?:PASSWORD|PASS|SECRET_KEY): +(.+)", text):
        assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), value
    assert re.findall(r"://\w+:([^@$][^@]*)@", text) == []


def test_only_the_proxy_can_be_reached() -> None:
    assert [name for name, container in CONTAINERS.items() if "ports" in container] == ["proxy"]
    internal = {name for name, network in COMPOSE["networks"].items() if (network or {}).get("internal")}
    for name, container in CONTAINERS.items():
        assert name == "proxy" or set(container["networks"]) <= internal, name
        assert "network_mode" not in container
    # It reaches the services that have pages, and no server.
    beside = {
        name for name in CONTAINERS if set(CONTAINERS[name]["networks"]) & set(CONTAINERS["proxy"]["networks"])
    }
    assert beside == {"proxy", "order", "kitchen", "tracking"}


@pytest.mark.parametrize("name", SERVERS)
def test_what_dies_comes_back_and_what_swells_has_an_end(name: str) -> None:
    container = CONTAINERS[name]
    assert container["restart"] == "unless-stopped"
    assert container["healthcheck"]["test"][0] == "CMD"
    assert re.fullmatch(r"\d+[mg]", container["mem_limit"])
    assert container["pids_limit"] <= 500
    assert container["logging"]["options"]["max-size"]
    assert container["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", OURS)
def test_our_processes_can_write_nothing_and_have_time_to_end(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["init"] is True
    grace = KitchenSettings.of(load_config(ROOT / "config.yml"), "kitchen_service").stop_grace
    assert int(container["stop_grace_period"].removesuffix("s")) > grace + 5


def test_each_worker_has_a_name_of_its_own_unless_it_is_given_one(tmp_path: Path) -> None:
    for stub, prints in (("hostname", 'echo "$HOST"'), ("nameko", 'echo "$WORKER_NAME|$*"')):
        (tmp_path / stub).write_text(f"#!/bin/sh\n{prints}\n")
        (tmp_path / stub).chmod(0o755)
    command = [part.replace("$$", "$") for part in CONTAINERS["kitchen"]["command"]]

    def name(**given: str) -> str:
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(
            command, env={"PATH": path, **given}, check=True, capture_output=True, text=True, timeout=30
        )
        worker, _, arguments = done.stdout.strip().partition("|")
        assert arguments == "run --config config.yml kitchen_service"
        return worker

    names = {name(HOST="3f2a9c01b7de"), name(HOST="b7de3f2a9c01"), name(HOST="x", WORKER_NAME="the bar")}
    assert names == {"chef-3f2a9c01b7de", "chef-b7de3f2a9c01", "the bar"}
    config = {**load_config(ROOT / "config.yml"), "WORKER_NAME": "chef-3f2a9c01b7de"}
    assert KitchenSettings.of(config, "kitchen_service").worker_name == "chef-3f2a9c01b7de"


def test_every_file_that_is_named_is_there() -> None:
    for container in CONTAINERS.values():
        for volume in container.get("volumes", []):
            source = volume.partition(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume
    copied = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    needed = {"requirements.lock", "config.yml", "alembic.ini", "alembic", "common"}
    services = {path.parent.name for path in ROOT.glob("*_service/service.py")}
    assert needed | services <= set(copied)
    proxy = (ROOT / "deploy/proxy/haproxy.cfg").read_text()
    (mount,) = CONTAINERS["proxy"]["volumes"]
    assert f"{mount.split(':')[1]}/certificates" in proxy
    for name, port in (("order", 3000), ("kitchen", 3001), ("tracking", 3002)):
        assert f"-{name}:{port}}}" in proxy
        assert CONTAINERS[name]["environment"][f"{name.upper()}_ADDRESS"].endswith(f":{port}")
        assert f":{port}/health/ready" in CONTAINERS[name]["healthcheck"]["test"][-1]


def test_versions_are_ones_that_are_cared_for() -> None:
    images = {container["image"] for container in CONTAINERS.values()}
    assert {image.partition(":")[0]: image.partition(":")[2] for image in images - {"expedite"}} == {
        "haproxy": "3.2",  # until 2030
        "postgres": "18",  # until 2030
        "rabbitmq": "4.3",
        "redis": "7",
    }
    assert (ROOT / "Dockerfile").read_text().count("FROM python:3.13-slim\n") == 1
