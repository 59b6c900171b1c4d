"""deploy/chart and deploy/chart/servers as Helm renders them, without a cluster.

Helm's own library renders, from a wheel that exists for x86-64 alone: elsewhere the tests of it are skipped.
"""

import copy
import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.expedite import ROOT

helm = pytest.importorskip("helm_python", reason="Helm's library is in a wheel for x86-64 alone")

CHART = ROOT / "deploy/chart"
SERVERS = CHART / "servers"
RELEASE, NAMESPACE = "expedite", "house"
#: What has no default and every operator gives.
GIVEN: dict[str, Any] = {
    "host": "orders.example.com",
    "image": {"repository": "registry.example.com/expedite", "tag": "0.1.0"},
}
#: Which files of values there are, for either chart.
KINDS = ("small", "chain")

Object = dict[str, Any]


class _Plain(yaml.SafeLoader):
    """Reads YAML as Helm does, also when nameko has taught YAML to put the environment in."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if "env_var" not in tag]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(path: Path) -> Any:
    """A file of YAML."""
    return yaml.load(path.read_text(), _Plain)


def values_of(chart: Path, kind: str) -> dict[str, Any]:
    """What an operator gives who installs with that file: its values, and over them what has no default."""
    given: dict[str, Any] = read(chart / f"values-{kind}.yaml")
    return {**given, **(GIVEN if chart == CHART else {})}


def render(chart: Path, values: dict[str, Any], release: str = RELEASE) -> list[Object]:
    """Every object that would be installed, hooks among them. Raises helm_python's errors for values that the
    schema or a template refuses."""
    with helm.Chart.load(chart) as loaded:
        files = loaded.render(values, name=release, namespace=NAMESPACE)
    texts = [text for path, text in sorted(files.items()) if path.endswith(".yaml")]
    return [each for text in texts for each in yaml.load_all(text, _Plain) if each]


def notes(values: dict[str, Any]) -> str:
    """What `helm install` prints at its end."""
    with helm.Chart.load(CHART) as loaded:
        return str(loaded.render(values, name=RELEASE, namespace=NAMESPACE)["expedite/templates/NOTES.txt"])


@functools.cache
def _rendered(chart: Path, kind: str) -> list[Object]:
    return render(chart, values_of(chart, kind))


def objects(kind: str, *charts: Path) -> list[Object]:
    """What is installed with the files of that kind, by both charts if none is named; a copy, to be changed."""
    return copy.deepcopy([each for chart in charts or (CHART, SERVERS) for each in _rendered(chart, kind)])


def of_kind(among: list[Object], *kinds: str) -> list[Object]:
    return [each for each in among if each["kind"] in kinds]


def named(among: list[Object], kind: str, name: str) -> Object:
    """The one of that kind and name."""
    [found] = [each for each in of_kind(among, kind) if each["metadata"]["name"] == name]
    return found


def pods(among: list[Object]) -> list[tuple[str, Object]]:
    """The pods that Deployments and Jobs make: the name of who makes them, and their template."""
    return [(each["metadata"]["name"], each["spec"]["template"]) for each in of_kind(among, "Deployment", "Job")]


def container(deployment: Object) -> Object:
    """The one container of a Deployment's or a Job's pods."""
    [only] = deployment["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def environment(deployment: Object, secrets: dict[str, dict[str, str]], pod_name: str) -> dict[str, str]:
    """What a container's process finds in its environment, as Kubernetes puts it together: `secrets` are by name
    and key. Raises KeyError for a Secret or a key that is not there and not optional."""
    found: dict[str, str] = {}
    for variable in container(deployment).get("env", []):
        name, source = variable["name"], variable.get("valueFrom", {})
        if at := source.get("secretKeyRef"):
            if not at.get("optional") or at["key"] in secrets.get(at["name"], {}):
                found[name] = secrets[at["name"]][at["key"]]
        elif source:
            assert source == {"fieldRef": {"fieldPath": "metadata.name"}}
            found[name] = pod_name
        else:
            found[name] = re.sub(r"\$\((\w+)\)", lambda used: found[used[1]], variable["value"])
    return found
