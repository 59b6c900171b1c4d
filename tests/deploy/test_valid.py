"""What the charts render Kubernetes and the operators take, by their schemas, and wrong values are refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.deploy.custom_resources import SCHEMAS
from tests.support import chart
from tests.support.chart import CHART, KINDS, SERVERS, Object
from tests.support.expedite import ROOT

#: The oldest that the charts allow, and the newest that the schemas know.
VERSIONS = ("1.30", "1.37")


def check(each: Object, version: str) -> None:
    """Raises what a schema says against an object; unknown fields are errors."""
    if each["kind"] in SCHEMAS:
        jsonschema.validate(each, SCHEMAS[each["kind"]])
    else:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_object_keeps_its_schema(kind: str, version: str) -> None:
    everything = chart.objects(kind)
    assert len(everything) > 20
    for each in everything:
        check(each, version)
    names = [(each["kind"], each["metadata"]["name"]) for each in everything]
    assert len(set(names)) == len(names)


def test_a_chain_has_all_kinds_and_a_small_house_needs_no_keda() -> None:
    assert {each["kind"] for each in chart.objects("chain")} >= {*SCHEMAS, "HorizontalPodAutoscaler", "Ingress"}
    assert chart.of_kind(chart.objects("small"), "ScaledObject", "TriggerAuthentication") == []


def test_the_documented_command_line_is_one_that_installs() -> None:
    text = (ROOT / "docs/scaling.md").read_text().replace("\\\n", " ")
    lines = re.findall(r"^helm (?:install|upgrade) (expedite\S*) (\S+) (.+)$", text, re.MULTILINE)
    assert [(release, folder) for release, folder, _ in lines] == [
        ("expedite-servers", "deploy/chart/servers"),
        ("expedite", "deploy/chart"),
        ("expedite", "deploy/chart"),
    ]
    for release, folder, options in lines:
        for kind in KINDS:
            [file] = re.findall(r"--values (\S+)", options.replace("$kind", kind))
            given = chart.read(ROOT / file)
            for one in re.findall(r"--set (\S+)", options):
                [(name, value)] = chart.helm.parse_set_string(one).items()
                given[name] = {**given.get(name, {}), **value} if isinstance(value, dict) else value
            assert chart.render(ROOT / folder, given, release)


def _misspell(of: str) -> Callable[[Object], None]:
    def change(each: Object) -> None:
        each["spec"][f"{of}s"] = each["spec"].pop(of)

    return change


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Deployment", lambda each: chart.container(each).update(imagePullPolice="Always")),
        ("Deployment", lambda each: each["spec"].update(replicas="2")),
        ("Ingress", lambda each: each["spec"]["rules"][0]["http"]["paths"][0].pop("pathType")),
        ("NetworkPolicy", _misspell("podSelector")),
        ("PodDisruptionBudget", _misspell("maxUnavailable")),
        ("Cluster", _misspell("walStorage")),
        ("Cluster", lambda each: each["spec"]["postgresql"]["parameters"].update(max_connections=200)),
        ("RabbitmqCluster", lambda each: each["spec"].update(replicas=2)),
        ("ScaledObject", lambda each: each["spec"]["triggers"][0]["metadata"].update(value=5)),
        ("TriggerAuthentication", _misspell("secretTargetRef")),
    ],
)
def test_a_schema_finds_what_is_wrong(kind: str, change: Callable[[Object], None]) -> None:
    each = chart.of_kind(chart.objects("chain"), kind)[0]
    check(each, VERSIONS[-1])
    change(each)
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(each, VERSIONS[-1])


def test_tables_are_made_before_anything_else_and_not_on_the_way_back() -> None:
    [job] = chart.of_kind(chart.objects("chain"), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    # A hook is made before all that is no hook, so it can need nothing that this release makes.
    others = [
        each for each in chart.objects("chain", CHART) if each["kind"] in ("Secret", "ConfigMap", "ServiceAccount")
    ]
    assert others == []
    # One that failed stays, to be read, until the next one.
    assert job["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"


def test_a_private_registry_is_signed_in_to_by_all_pods() -> None:
    values = {**chart.GIVEN, "image": {**chart.GIVEN["image"], "pullSecrets": ["registry"]}}
    among = chart.render(CHART, values)
    for each in among:
        check(each, VERSIONS[-1])
    assert len(chart.pods(among)) == 5
    for _, template in chart.pods(among):
        assert template["spec"]["imagePullSecrets"] == [{"name": "registry"}]


def test_the_chart_has_nothing_else_in_it() -> None:
    for folder in (CHART, SERVERS):
        with chart.helm.Chart.load(folder) as loaded:
            files = {each["name"] for each in loaded.files}
        assert files <= {".helmignore", "values-small.yaml", "values-chain.yaml"}


@pytest.mark.parametrize("folder", [CHART, SERVERS], ids=["services", "servers"])
def test_helm_finds_no_fault(folder: Path) -> None:
    for kind in KINDS:
        found = chart.helm.lint(str(folder), values=chart.values_of(folder, kind))
        assert [each for each in found["messages"] if "icon" not in each["error"]] == []


def _group(**changes: Any) -> dict[str, Any]:
    group = {"name": "grill", "orderTypes": ["dine_in"], "replicas": {"min": 1, "max": 1}, **changes}
    return {"kitchen": {"groups": [group]}}


@pytest.mark.parametrize(
    ("folder", "wrong", "said"),
    [
        (CHART, {"host": None}, "host"),
        (CHART, {"host": "https://orders.example.com"}, "/host"),
        (CHART, {"image": {"repository": "registry.example.com/expedite"}}, "missing property 'tag'"),
        (CHART, {"image": {**chart.GIVEN["image"], "tag": "latest"}}, "/image/tag"),
        (CHART, {"settings": {"STOPGRACE": 75}}, "additional properties 'STOPGRACE' not allowed"),
        (CHART, {"settings": {"DATABASE_URL": "postgresql://…"}}, "'DATABASE_URL' not allowed"),
        (CHART, {"settings": {"STOP_GRACE": "75s"}}, "/settings/STOP_GRACE"),
        (CHART, {"settings": {"QUEUE_TYPE": "mirrored"}}, "/settings/QUEUE_TYPE"),
        (CHART, {"order": {"replicas": {"min": 0, "max": 2}}}, "/order/replicas/min"),
        (CHART, {"order": {"replicas": {"min": 3, "max": 2}}}, "min is 3 and max 2"),
        (CHART, _group(orderTypes=["brunch"]), "/kitchen/groups/0/orderTypes/0"),
        (CHART, _group(orderTypes=[]), "minItems"),
        (CHART, _group(settings={"STOP_GRACE": 600}), "'STOP_GRACE' not allowed"),
        (CHART, _group(name="Grill 1"), "/kitchen/groups/0/name"),
        (CHART, _group(name="charcoal-grill"), "too long for a worker's name"),
        (CHART, {"kitchen": {"groups": [_group()["kitchen"]["groups"][0]] * 2}}, "two are called grill"),
        (CHART, {"secret": {"SECRET_KEY": "x"}}, "additional properties 'secret' not allowed"),
        (SERVERS, {"postgresql": {"instances": 2}}, "/postgresql/instances"),
        (SERVERS, {"rabbitmq": {"nodes": 2}}, "/rabbitmq/nodes"),
        (SERVERS, {"redis": {"image": "redis:latest"}}, "/redis/image"),
        (SERVERS, {"rabbitmq": {"storage": "ten"}}, "/rabbitmq/storage"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_value_is_refused_and_named(folder: Path, wrong: dict[str, Any], said: str) -> None:
    given = {**(chart.GIVEN if folder == CHART else {}), **wrong}
    with pytest.raises(chart.helm.HelmError) as refused:
        chart.render(folder, given)
    assert said in str(refused.value)
