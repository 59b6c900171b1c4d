"""What the chart lets an operator set, and what services make of it."""

import json
import re
from typing import Any

import pytest

from common.pages.settings import PageSettings
from common.settings import Settings, load_config
from kitchen_service import KitchenService
from kitchen_service.settings import KitchenSettings
from notifier_service import NotifierService
from order_service import OrderService
from tests.support import chart
from tests.support.chart import CHART, KINDS, SERVERS
from tests.support.expedite import CONFIG, ROOT
from tracking_service import TrackingService

#: What the chart lays out itself, from the names of servers, Secrets and the host.
LAID_OUT = {
    *("DATABASE_URL", "STANDBY_URL", "AMQP_URI", "RATE_LIMIT_STORAGE"),
    *("ORDER_ADDRESS", "KITCHEN_ADDRESS", "TRACKING_ADDRESS", "NOTIFIER_ADDRESS"),
    *("PUBLIC_URL", "KITCHEN_URL", "TRACKING_URL", "NOTIFIER_URL"),
    *("SECRET_KEY", "SECRET_KEY_BEFORE", "SMTP_USER", "SMTP_PASSWORD"),
    *("WORKER_NAME", "ORDER_TYPES"),
}
#: What is for a pooler, which this chart has not.
NOT_HERE = {"DATABASE_DIRECT_URL"}

SECRETS = {
    "expedite": {"SECRET_KEY": "k" * 32, "SMTP_USER": "mario", "SMTP_PASSWORD": "basil"},
    "expedite-postgresql-app": {
        "uri": "postgresql://expedite:p1@expedite-postgresql-rw.house:5432/expedite",
        **{"username": "expedite", "password": "p1", "dbname": "expedite"},
    },
    "expedite-rabbitmq-default-user": {"username": "default_user_a", "password": "p-_2"},
}
SERVICES = {
    "order": OrderService,
    "kitchen": KitchenService,
    "tracking": TrackingService,
    "notifier": NotifierService,
}


def asked_for() -> set[str]:
    return set(re.findall(r"\$\{(\w+)", CONFIG.read_text())) - {"NAME"}


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return found


def test_every_setting_can_be_passed() -> None:
    offered = set(schema()["properties"]["settings"]["properties"])
    assert asked_for() - LAID_OUT - NOT_HERE - offered == set(), "values.schema.json does not know these"
    assert offered - asked_for() == set(), "config.yml does not know these"
    assert offered & (LAID_OUT | NOT_HERE) == set()
    # A group's are those of all, but for how long an end may take: pods are told that once.
    assert offered - set(schema()["$defs"]["groupSettings"]["properties"]) == {"STOP_GRACE"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_variable_is_a_setting(kind: str) -> None:
    for each in chart.of_kind(chart.objects(kind, CHART), "Deployment", "Job"):
        put_together = {
            used
            for variable in chart.container(each)["env"]
            for used in re.findall(r"\$\((\w+)\)", variable.get("value", ""))
        }
        names = {variable["name"] for variable in chart.container(each)["env"]}
        assert names - put_together - asked_for() == set()


def settings_of(values: dict[str, Any], deployment: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the service of a Deployment reads from its environment, in a pod with the longest name there is."""
    each = chart.named(chart.render(CHART, values), "Deployment", deployment)
    found = chart.environment(each, SECRETS, f"{deployment}-{'a' * 10}-{'b' * 5}")
    for name in asked_for():
        monkeypatch.delenv(name, raising=False)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    service = SERVICES[each["metadata"]["labels"]["app.kubernetes.io/component"]]
    return service.settings_class.of(load_config(CONFIG), service.name)


@pytest.mark.parametrize("kind", KINDS)
def test_services_read_what_they_are_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = chart.values_of(CHART, kind)
    deployments = chart.of_kind(chart.objects(kind, CHART), "Deployment")
    for each in deployments:
        component = each["metadata"]["labels"]["app.kubernetes.io/component"]
        found = settings_of(values, each["metadata"]["name"], monkeypatch)
        assert found.database_url == SECRETS["expedite-postgresql-app"]["uri"]
        assert found.amqp_uri == "amqp://default_user_a:p-_2@expedite-rabbitmq:5672/"
        [port] = chart.container(each)["ports"]
        assert (found.http_host, found.http_port) == ("0.0.0.0", port["containerPort"])
        assert found.trusted_proxies == 1
        assert found.stop_grace == 75
        assert isinstance(found, PageSettings)
        assert found.own_origins == {"https://orders.example.com"}
        assert chart.container(each)["command"][-1] == f"{component}_service"
    assert {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in deployments} == set(SERVICES)


def test_one_value_decides_how_long_an_end_may_take() -> None:
    values = {**chart.GIVEN, "settings": {"STOP_GRACE": 300}}
    for each in chart.of_kind(chart.render(CHART, values), "Deployment"):
        assert chart.environment(each, SECRETS, "pod")["STOP_GRACE"] == "300"
        assert each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 320


def test_a_group_has_its_types_its_settings_and_names_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    grill = {
        "name": "grill",
        "orderTypes": ["dine_in", "takeout"],
        "replicas": {"min": 1, "max": 1},
        "settings": {"COOKING": "staffed", "PREFETCH": 8},
    }
    bar = {"name": "bar", "orderTypes": ["dine_in"], "replicas": {"min": 3, "max": 3}}
    values = {
        **chart.GIVEN,
        "settings": {"PREFETCH": 2, "COOKING_SPEED": 1000000},
        "kitchen": {"groups": [grill, bar]},
    }
    cook = settings_of(values, "expedite-kitchen-grill", monkeypatch)
    mixer = settings_of(values, "expedite-kitchen-bar", monkeypatch)
    assert isinstance(cook, KitchenSettings)
    assert isinstance(mixer, KitchenSettings)
    assert cook.worker_name == "expedite-kitchen-grill-aaaaaaaaaa-bbbbb"
    assert (cook.order_types, cook.cooking, cook.prefetch) == (("dine_in", "takeout"), "staffed", 8)
    assert (mixer.order_types, mixer.cooking, mixer.prefetch) == (("dine_in",), "simulated", 2)
    # As people write it, however large.
    each = chart.named(chart.render(CHART, values), "Deployment", "expedite-kitchen-bar")
    assert chart.environment(each, SECRETS, "pod")["COOKING_SPEED"] == "1000000"
    assert each["spec"]["replicas"] == 3


def test_the_longest_name_of_a_worker_is_one() -> None:
    longest = {"name": "a-b-c-d-e-f", "orderTypes": ["dine_in"], "replicas": {"min": 1, "max": 1}}
    each = chart.of_kind(chart.render(CHART, {**chart.GIVEN, "kitchen": {"groups": [longest]}}), "Deployment")
    [name] = [one["metadata"]["name"] for one in each if "kitchen" in one["metadata"]["name"]]
    # A Deployment's pod has two parts more, of ten and five characters, and a station " 1000".
    assert len(name) + len("-" + "a" * 10 + "-" + "b" * 5) + len(" 1000") == 50


def test_keda_counts_the_queues_that_a_group_takes_from() -> None:
    among = chart.objects("chain", CHART)
    for each in chart.of_kind(among, "ScaledObject"):
        deployment = chart.named(among, "Deployment", each["spec"]["scaleTargetRef"]["name"])
        types = chart.environment(deployment, SECRETS, "pod")["ORDER_TYPES"].split(",")
        queues = [trigger["metadata"]["queueName"] for trigger in each["spec"]["triggers"]]
        assert queues == [f"kitchen.{kind}" for kind in types]


def test_tracking_alone_reads_from_a_standby_and_the_notifier_alone_signs_in_to_mail() -> None:
    for kind, has_standby in (("small", False), ("chain", True)):
        for each in chart.of_kind(chart.objects(kind, CHART), "Deployment"):
            name = each["metadata"]["name"]
            found = chart.environment(each, SECRETS, "pod")
            assert ("STANDBY_URL" in found) == (has_standby and name == "expedite-tracking")
            assert ("SMTP_PASSWORD" in found) == (name == "expedite-notifier")
    tracking = chart.named(chart.objects("chain", CHART), "Deployment", "expedite-tracking")
    found = chart.environment(tracking, SECRETS, "pod")
    assert found["STANDBY_URL"] == "postgresql://expedite:p1@expedite-postgresql-standby:5432/expedite"
    # One of them, always the same: the lag of one says nothing of another.
    service = chart.named(chart.objects("chain", SERVERS), "Service", "expedite-postgresql-standby")
    assert service["spec"]["selector"] == {
        "cnpg.io/cluster": "expedite-postgresql",
        "cnpg.io/instanceName": "expedite-postgresql-2",
    }


#: PostgreSQL's connections that a process holds at its most (docs/operations.md, "Connections").
HELD = {"order": 13, "kitchen": 10, "tracking": 9, "notifier": 7}


@pytest.mark.parametrize("kind", KINDS)
def test_postgresql_takes_as_many_connections_as_all_processes_may_hold(kind: str) -> None:
    table = (ROOT / "docs/operations.md").read_text()
    for component, held in HELD.items():
        assert re.search(rf"^\| `{component}_service` \| \d+ \| .* \| {held} \|", table, re.MULTILINE)
    among = chart.objects(kind)
    most = 0
    for each in chart.of_kind(among, "Deployment"):
        if (component := each["metadata"]["labels"].get("app.kubernetes.io/component")) in HELD:
            name = each["metadata"]["name"]
            scalers = [
                one["spec"]
                for one in chart.of_kind(among, "HorizontalPodAutoscaler", "ScaledObject")
                if one["spec"]["scaleTargetRef"]["name"] == name
            ]
            pods = each["spec"].get("replicas", 0)
            for one in scalers:
                pods += one.get("maxReplicas", 0) + one.get("maxReplicaCount", 0)
            # One more while a rollout goes on.
            most += (pods + 1) * HELD[component]
    [cluster] = chart.of_kind(chart.objects(kind, SERVERS), "Cluster")
    taken = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
    # Some are the operator's, and of who looks.
    assert most + 20 <= taken


def test_servers_are_set_as_docker_compose_sets_them() -> None:
    [cluster] = chart.of_kind(chart.objects("chain", SERVERS), "RabbitmqCluster")
    lines = cluster["spec"]["rabbitmq"]["additionalConfig"].splitlines()
    said = [line for line in (ROOT / "deploy/rabbitmq.conf").read_text().splitlines() if not line.startswith("#")]
    assert set(said) <= set(lines)
    compose = chart.read(ROOT / "docker-compose.yml")["services"]
    redis = chart.container(chart.named(chart.objects("chain", SERVERS), "Deployment", "expedite-redis"))
    assert redis["image"] == compose["redis"]["image"]
    assert redis["command"] == compose["redis"]["command"]
    assert cluster["spec"]["image"] == f"{compose['rabbitmq']['image']}-management"
    migrate = chart.container(chart.named(chart.objects("chain", CHART), "Job", "expedite-migrate"))
    assert migrate["command"] == compose["migrate"]["command"]


def test_a_chain_has_three_of_each_and_loses_nothing_with_one() -> None:
    [cluster] = chart.of_kind(chart.objects("chain", SERVERS), "Cluster")
    [broker] = chart.of_kind(chart.objects("chain", SERVERS), "RabbitmqCluster")
    assert cluster["spec"]["instances"] == broker["spec"]["replicas"] == 3
    assert cluster["spec"]["postgresql"]["synchronous"]["dataDurability"] == "required"
    for each in chart.of_kind(chart.objects("chain", CHART), "Deployment"):
        assert chart.environment(each, SECRETS, "pod")["QUEUE_TYPE"] == "quorum"
    for each in (cluster, broker):
        assert each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
