"""The charts keep to the rules of policies.py, and each rule finds who does not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy import policies
from tests.deploy.policies import RULES, Rule
from tests.support import chart
from tests.support.chart import KINDS, Object, container, named, objects


def all_rules(kind: str) -> tuple[Rule, ...]:
    notes = chart.notes(chart.values_of(chart.CHART, kind))
    return (*RULES, policies.says_which_secrets(notes))


@pytest.mark.parametrize("kind", KINDS)
def test_all_rules_are_kept(kind: str) -> None:
    assert [said for rule in all_rules(kind) for said in rule(objects(kind))] == []


def _pod(**changes: Any) -> Callable[[list[Object]], None]:
    def change(among: list[Object]) -> None:
        named(among, "Deployment", "expedite-order")["spec"]["template"]["spec"].update(changes)

    return change


def _security(**changes: Any) -> Callable[[list[Object]], None]:
    def change(among: list[Object]) -> None:
        container(named(among, "Deployment", "expedite-order"))["securityContext"].update(changes)

    return change


def _variable(**variable: Any) -> Callable[[list[Object]], None]:
    def change(among: list[Object]) -> None:
        container(named(among, "Deployment", "expedite-order"))["env"].append(variable)

    return change


def _without(kind: str, name: str) -> Callable[[list[Object]], None]:
    def change(among: list[Object]) -> None:
        among.remove(named(among, kind, name))

    return change


def _changed(kind: str, name: str, *path: Any, to: Any) -> Callable[[list[Object]], None]:
    def change(among: list[Object]) -> None:
        *way, last = path
        at: Any = named(among, kind, name)["spec"]
        for step in way:
            at = at[step]
        at[last] = to

    return change


_ROOT = {"runAsNonRoot": True, "runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}}
_ONE_CONTAINER = ("template", "spec", "containers", 0)
_PATH = ("rules", 0, "http", "paths", 0, "backend", "service")


@pytest.mark.parametrize(
    ("breakage", "said"),
    [
        (_pod(securityContext={}), "expedite-order may be root"),
        (_pod(securityContext=_ROOT), "expedite-order has no user by number"),
        (_pod(automountServiceAccountToken=True), "expedite-order has a token"),
        (_pod(hostNetwork=True), "expedite-order shares the node"),
        (_pod(volumes=[]), "expedite-order has nowhere to write"),
        (_pod(volumes=[{"name": "tmp", "emptyDir": {}}]), "expedite-order may write without an end"),
        (_pod(terminationGracePeriodSeconds=75), "expedite-order is killed within 88 s"),
        (_pod(topologySpreadConstraints=[]), "expedite-order is not spread over zones"),
        (_security(readOnlyRootFilesystem=False), "expedite-order can write its image"),
        (_security(allowPrivilegeEscalation=True), "expedite-order may gain privileges"),
        (_security(capabilities={"drop": ["NET_RAW"]}), "expedite-order has capabilities"),
        (_security(privileged=True), "expedite-order is privileged"),
        (
            _changed("Deployment", "expedite-order", *_ONE_CONTAINER, "resources", to={"requests": {"cpu": "1"}}),
            "expedite-order has no limits of memory",
        ),
        (
            _changed("Deployment", "expedite-order", *_ONE_CONTAINER, "image", to="registry:5000/expedite"),
            "expedite-order runs registry:5000/expedite",
        ),
        (
            _changed("RabbitmqCluster", "expedite-rabbitmq", "image", to="rabbitmq:latest"),
            "expedite-rabbitmq runs rabbitmq:latest",
        ),
        (_variable(name="SMTP_PASSWORD", value="x"), "expedite-order is told SMTP_PASSWORD"),
        (_variable(name="AT", value="amqp://a:b@c/"), "expedite-order has a password in AT"),
        (lambda among: among.append({"kind": "Secret", "metadata": {"name": "s"}}), "Secret s is in the chart"),
        (_variable(name="A", value="$(B)"), "expedite-order has no B for A"),
        (_variable(name="SECRET_KEY", valueFrom={}), "expedite-order has SECRET_KEY twice"),
        (
            _variable(name="A", valueFrom={"secretKeyRef": {"name": "expedite", "key": "OTHER"}}),
            "expedite-order reads OTHER of expedite, which nobody is told",
        ),
        (
            lambda among: container(named(among, "Deployment", "expedite-order")).pop("livenessProbe"),
            "expedite-order has no livenessProbe",
        ),
        (
            _changed(
                "Deployment", "expedite-order", *_ONE_CONTAINER, "readinessProbe", "httpGet", "port", to="web"
            ),
            "expedite-order is probed at web",
        ),
        (_without("PodDisruptionBudget", "expedite-order"), "expedite-order has not one budget of one pod"),
        (
            _changed("PodDisruptionBudget", "expedite-order", "maxUnavailable", to=0),
            "expedite-order has not one budget of one pod",
        ),
        (
            lambda among: (
                _without("NetworkPolicy", "expedite-nothing")(among),
                _without("NetworkPolicy", "expedite-services")(among),
            ),
            "expedite-order has no policy for Ingress",
        ),
        (
            _changed("NetworkPolicy", "expedite-services", "ingress", 0, "from", to=[]),
            "expedite-services lets everybody in",
        ),
        (_without("NetworkPolicy", "expedite-rabbitmq"), "expedite-rabbitmq can be reached by everybody"),
        (
            _changed("Deployment", "expedite-order", "replicas", to=2),
            "expedite-order has 2 that decide how many there are",
        ),
        (
            _without("ScaledObject", "expedite-kitchen-house"),
            "expedite-kitchen-house has 0 that decide how many there are",
        ),
        (
            _changed("ScaledObject", "expedite-kitchen-house", "scaleTargetRef", "name", to="kitchen"),
            "kitchen is scaled and not there",
        ),
        (
            _changed(
                "Deployment", "expedite-kitchen-away", "selector", "matchLabels", "expedite/group", to="house"
            ),
            "expedite-kitchen-away selects ['expedite-kitchen-house']",
        ),
        (
            _changed("Service", "expedite-order", "selector", "app.kubernetes.io/component", to="orders"),
            "expedite-order leads to nobody",
        ),
        (
            _changed("Service", "expedite-order", "ports", 0, "targetPort", to="web"),
            "expedite-order asks expedite-order at a port that it has not",
        ),
        (_changed("Ingress", "expedite-streams", *_PATH, "name", to="live"), "leads to live, which is not there"),
        (_changed("Ingress", "expedite-streams", *_PATH, "port", "name", to="web"), "leads to a port that"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rule_finds_who_breaks_it(breakage: Callable[[list[Object]], Any], said: str) -> None:
    among = objects("chain")
    breakage(among)
    assert any(said in complaint for rule in all_rules("chain") for complaint in rule(among))
