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
WATCHERS = [name for name, container in CONTAINERS.items() if container.get("profiles") == ["monitoring"]]


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
    for name, kind in KINDS.items():
        passed = environment(name, given)
        for key in set(re.findall(r"\$\{(\w+)", (ROOT / "config.yml").read_text())):
            monkeypatch.delenv(key, raising=False)
        for key, value in passed.items():
            monkeypatch.setenv(key, value)
        found = kind.of(load_config(ROOT / "config.yml"), f"{name}_service")
        if isinstance(found, PageSettings):
            assert [len(key) >= 32 for key in found.signing_keys()] == [True]
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
    assert len(set(given.values())) == 5
    assert environment("grafana", given)["GF_SECURITY_ADMIN_PASSWORD"] == given["GRAFANA_PASSWORD"]
    assert len(given["GRAFANA_PASSWORD"]) == 64


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


def test_prepare_adds_what_an_earlier_release_did_not_ask_for(tmp_path: Path) -> None:
    given = prepare(tmp_path, "bar.example")
    kept = {name: value for name, value in given.items() if name != "GRAFANA_PASSWORD"}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in kept.items()))
    (tmp_path / ".env").chmod(0o600)
    again = prepare(tmp_path)
    assert kept.items() <= again.items()
    assert re.fullmatch(r"[0-9a-f]{64}", again["GRAFANA_PASSWORD"])


def test_prepare_ends_the_last_line_before_it_adds_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PUBLIC_URL=https://bar.example\nSECRET_KEY=kept")
    given = prepare(tmp_path)
    assert given["SECRET_KEY"] == "kept"
    assert re.fullmatch(r"[0-9a-f]{64}", given["POSTGRES_PASSWORD"])


def test_the_key_changes_in_three_steps(tmp_path: Path) -> None:
    before = prepare(tmp_path, "bar.example")
    shutil.copy(ROOT / "deploy/rotate-key.sh", tmp_path / "deploy")

    def rotate(step: str) -> dict[str, str]:
        done = subprocess.run(
            [tmp_path / "deploy/rotate-key.sh", step], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
        return dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())

    old = before["SECRET_KEY"]
    first = rotate("new")
    new = first["SECRET_KEY_BEFORE"]
    assert len(new) == 64
    assert new != old
    assert first == {**before, "SECRET_KEY_BEFORE": new}
    # What is there already is not thrown away.
    for refused, said in (("new", "already"), ("", "usage")):
        with pytest.raises(AssertionError, match=said):
            rotate(refused)
    assert rotate("switch") == {**before, "SECRET_KEY": new, "SECRET_KEY_BEFORE": old}
    assert rotate("end") == {**before, "SECRET_KEY": new, "SECRET_KEY_BEFORE": ""}
    with pytest.raises(AssertionError, match="begin with new"):
        rotate("switch")


def test_no_secret_stands_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for value in re.findall(r"(?:PASSWORD|PASS|SECRET_KEY): +(.+)", text):
        assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), value
    assert re.findall(r"://\w+:([^@$][^@]*)@", text) == []


def test_only_the_proxy_can_be_reached_and_grafana_from_this_machine() -> None:
    assert [name for name, container in CONTAINERS.items() if "ports" in container] == ["proxy", "grafana"]
    assert all(port.startswith("127.0.0.1:") for port in CONTAINERS["grafana"]["ports"])
    internal = {name for name, network in COMPOSE["networks"].items() if (network or {}).get("internal")}
    for name, container in CONTAINERS.items():
        # What the notifier sends goes into the world, and nothing comes in that way.
        assert name in ("proxy", "grafana") or set(container["networks"]) - internal <= {"abroad"}, name
        assert ("abroad" in container["networks"]) == (name == "notifier")
        assert "network_mode" not in container
    # Who gets into Grafana reaches what it shows, and no server of ours.
    assert [
        name for name in CONTAINERS if set(CONTAINERS[name]["networks"]) & {"operator", "monitoring"}
    ] == WATCHERS
    assert not set(CONTAINERS["grafana"]["networks"]) & {"inside", "public", "outside"}
    # It reaches the services that have pages, and no server.
    beside = {
        name for name in CONTAINERS if set(CONTAINERS[name]["networks"]) & set(CONTAINERS["proxy"]["networks"])
    }
    assert beside == {"proxy", "order", "kitchen", "tracking", "notifier"}


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
    for name, port in (("order", 3000), ("kitchen", 3001), ("tracking", 3002), ("notifier", 3003)):
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
        "prom/prometheus": "v3.13.2",  # until July 2027
        "grafana/grafana": "13.2.0",
        "jaegertracing/jaeger": "2.21.0",
    }
    assert (ROOT / "Dockerfile").read_text().count("FROM python:3.13-slim\n") == 1


def test_monitoring_is_there_when_it_is_asked_for_and_nothing_needs_it() -> None:
    assert WATCHERS == ["prometheus", "grafana", "jaeger"]
    for name, container in CONTAINERS.items():
        assert "profiles" not in container or name in WATCHERS
        assert not set(container.get("depends_on", {})) & set(WATCHERS)
    for name in WATCHERS:
        assert CONTAINERS[name]["read_only"] is True
        assert CONTAINERS[name]["cap_drop"] == ["ALL"]


def test_prometheus_finds_every_process_of_every_service_by_name() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    jobs = {job["job_name"]: job["dns_sd_configs"] for job in config["scrape_configs"]}
    ports = {"rabbitmq": 15692}
    for name in KINDS:
        ports[name] = int(CONTAINERS[name]["environment"][f"{name.upper()}_ADDRESS"].rpartition(":")[2])
    assert {name: (found["names"], found["type"], found["port"]) for name, [found] in jobs.items()} == {
        name: ([name], "A", port) for name, port in ports.items()
    }
    for name in jobs:
        assert set(CONTAINERS[name]["networks"]) & set(CONTAINERS["prometheus"]["networks"]), name
    assert "rabbitmq_prometheus" in (ROOT / "deploy/rabbitmq_plugins").read_text()


def test_grafana_finds_prometheus_jaeger_and_its_dashboard() -> None:
    provisioning = ROOT / "deploy/grafana/provisioning"
    sources = yaml.safe_load((provisioning / "datasources/expedite.yml").read_text())["datasources"]
    assert {source["type"]: source["url"] for source in sources} == {
        "prometheus": "http://prometheus:9090",
        "jaeger": "http://jaeger:16686",
    }
    for source in sources:
        assert set(CONTAINERS[source["type"]]["networks"]) & set(CONTAINERS["grafana"]["networks"])
    [provider] = yaml.safe_load((provisioning / "dashboards/expedite.yml").read_text())["providers"]
    [mount] = CONTAINERS["grafana"]["volumes"]
    inside = mount.split(":")[1]
    assert provider["options"]["path"] == f"{inside}/dashboards"
    given = CONTAINERS["grafana"]["environment"]
    assert given["GF_PATHS_PROVISIONING"] == f"{inside}/provisioning"
    home = given["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].removeprefix(inside)
    assert (ROOT / f"deploy/grafana{home}").exists()


def test_jaeger_takes_traces_and_keeps_some() -> None:
    config = yaml.safe_load((ROOT / "deploy/jaeger.yml").read_text())
    assert config["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")
    assert config["extensions"]["jaeger_query"]["http"]["endpoint"].endswith(":16686")
    port = config["extensions"]["healthcheckv2"]["http"]["endpoint"].rpartition(":")[2]
    assert f"127.0.0.1:{port}/" in CONTAINERS["jaeger"]["healthcheck"]["test"][-1]
    [traces] = config["service"]["pipelines"].values()
    for part in ("receivers", "processors", "exporters"):
        assert set(traces[part]) == set(config[part])
    assert set(config["service"]["extensions"]) == set(config["extensions"])
