"""What every object of the charts must keep to, as rules over all that is rendered. Each yields what is wrong."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.chart import Object, container, named, of_kind, pods

#: Seconds that a service takes at SIGTERM besides STOP_GRACE (docs/operations.md, "Stopping"): five, and with
#: traces three more.
AFTER_STOP_GRACE = 8

Rule = Callable[[list[Object]], Iterator[str]]


def _fits(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Does a selector with matchLabels, and In alone of expressions, fit these labels?"""
    wanted = selector.get("matchLabels", {}).items()
    among = [(each["key"], each["values"]) for each in selector.get("matchExpressions", [])]
    return wanted <= labels.items() and all(labels.get(key) in values for key, values in among)


def _labels(template: Object) -> dict[str, str]:
    labels: dict[str, str] = template["metadata"]["labels"]
    return labels


def _containers(among: list[Object]) -> Iterator[tuple[str, Object, Object]]:
    """Who makes a pod, its specification, and each container of it."""
    for name, template in pods(among):
        spec = template["spec"]
        for each in [*spec["containers"], *spec.get("initContainers", [])]:
            yield name, spec, each


def is_confined(among: list[Object]) -> Iterator[str]:
    """Nobody is root or may become it, nothing but /tmp and the like can be written, no token is there to take."""
    for name, spec, each in _containers(among):
        pod, own = spec.get("securityContext", {}), each.get("securityContext", {})
        for said, holds in (
            ("may be root", pod.get("runAsNonRoot") is True),
            ("has no user by number", isinstance(pod.get("runAsUser"), int) and pod["runAsUser"] > 0),
            ("has no seccomp profile", pod.get("seccompProfile") == {"type": "RuntimeDefault"}),
            ("can write its image", own.get("readOnlyRootFilesystem") is True),
            ("may gain privileges", own.get("allowPrivilegeEscalation") is False),
            ("has capabilities", own.get("capabilities") == {"drop": ["ALL"]}),
            ("is privileged", "privileged" not in own),
            ("has a token", spec.get("automountServiceAccountToken") is False),
            ("shares the node", not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)),
            ("has a folder of the node", not any("hostPath" in each for each in spec.get("volumes", []))),
        ):
            if not holds:
                yield f"{name} {said}"


def has_somewhere_to_write(among: list[Object]) -> Iterator[str]:
    """Each has an empty folder with a bound, since its image cannot be written."""
    for name, spec, each in _containers(among):
        empty = {each["name"]: each["emptyDir"] for each in spec.get("volumes", []) if "emptyDir" in each}
        mounted = [mount["name"] for mount in each.get("volumeMounts", [])]
        if not any(volume in empty for volume in mounted):
            yield f"{name} has nowhere to write"
        if not all("sizeLimit" in empty[volume] for volume in mounted if volume in empty):
            yield f"{name} may write without an end"


def has_requests_and_limits(among: list[Object]) -> Iterator[str]:
    for name, _, each in _containers(among):
        for kind in ("requests", "limits"):
            for what in ("cpu", "memory"):
                if not each.get("resources", {}).get(kind, {}).get(what):
                    yield f"{name} has no {kind} of {what}"
    for each in of_kind(among, "Cluster", "RabbitmqCluster"):
        if set(each["spec"].get("resources", {})) != {"requests", "limits"}:
            yield f"{each['metadata']['name']} has no requests and limits"


def has_a_version(among: list[Object]) -> Iterator[str]:
    """No image is whatever is the newest."""
    images = [(name, each["image"]) for name, _, each in _containers(among)]
    images += [(each["metadata"]["name"], each["spec"]["imageName"]) for each in of_kind(among, "Cluster")]
    images += [(each["metadata"]["name"], each["spec"]["image"]) for each in of_kind(among, "RabbitmqCluster")]
    for name, image in images:
        tag = image.rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{name} runs {image}"


def keeps_secrets_outside(among: list[Object]) -> Iterator[str]:
    """No Secret, and none in an environment: what is secret is read from Secrets, and put together from them."""
    for each in of_kind(among, "Secret", "ConfigMap"):
        yield f"{each['kind']} {each['metadata']['name']} is in the chart"
    for name, _, each in _containers(among):
        for variable in each.get("env", []):
            value = variable.get("value", "")
            if re.search(r"SECRET|PASSWORD|_USER$|^DATABASE_URL$", variable["name"]) and "value" in variable:
                yield f"{name} is told {variable['name']}"
            if re.search(r"://[^/@]*:(?!\$\(\w+\)@)[^/@]*@", value):
                yield f"{name} has a password in {variable['name']}"


def says_which_secrets(notes: str) -> Rule:
    """Every Secret that is read, and every key of it, is named by what `helm install` prints."""

    def rule(among: list[Object]) -> Iterator[str]:
        lines = {line.split()[0].rstrip(":"): line for line in notes.splitlines() if line.strip()}
        for name, _, each in _containers(among):
            for variable in each.get("env", []):
                if at := variable.get("valueFrom", {}).get("secretKeyRef"):
                    line = lines.get(at["name"], "")
                    if at["key"] not in re.findall(r"\w+", line):
                        yield f"{name} reads {at['key']} of {at['name']}, which nobody is told"

    return rule


def fills_in_what_is_there(among: list[Object]) -> Iterator[str]:
    """Kubernetes leaves $(NAME) as it is where NAME does not stand before it; and of two the last one counts."""
    for name, _, each in _containers(among):
        before: set[str] = set()
        for variable in each.get("env", []):
            for used in re.findall(r"\$\((\w+)\)", variable.get("value", "")):
                if used not in before:
                    yield f"{name} has no {used} for {variable['name']}"
            if variable["name"] in before:
                yield f"{name} has {variable['name']} twice"
            before.add(variable["name"])


def has_time_to_end(among: list[Object]) -> Iterator[str]:
    """Until it is killed a service has the pause before its end, STOP_GRACE, and what it needs besides."""
    for each in of_kind(among, "Deployment"):
        environment = {variable["name"]: variable.get("value") for variable in container(each).get("env", [])}
        if "STOP_GRACE" in environment:
            leaving = container(each)["lifecycle"]["preStop"]["sleep"]["seconds"]
            needed = leaving + float(environment["STOP_GRACE"]) + AFTER_STOP_GRACE
            if each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] <= needed:
                yield f"{each['metadata']['name']} is killed within {needed:g} s"


def is_probed(among: list[Object]) -> Iterator[str]:
    for each in of_kind(among, "Deployment"):
        for probe in ("livenessProbe", "readinessProbe"):
            if probe not in container(each):
                yield f"{each['metadata']['name']} has no {probe}"


def survives_a_zone(among: list[Object]) -> Iterator[str]:
    """Every Deployment is spread over zones, and no more than one pod of it is taken away at a time."""
    for each in of_kind(among, "Deployment"):
        name, template = each["metadata"]["name"], each["spec"]["template"]
        spread = template["spec"].get("topologySpreadConstraints", [])
        if not any(
            one["topologyKey"] == "topology.kubernetes.io/zone" and _fits(one["labelSelector"], _labels(template))
            for one in spread
        ):
            yield f"{name} is not spread over zones"
        budgets = [
            budget["spec"]
            for budget in of_kind(among, "PodDisruptionBudget")
            if _fits(budget["spec"]["selector"], _labels(template))
        ]
        if [budget.get("maxUnavailable") for budget in budgets] != [1]:
            yield f"{name} has not one budget of one pod"


def is_fenced(among: list[Object]) -> Iterator[str]:
    """Each pod is in a network policy for what comes in and one for what goes out, and none lets everything in."""
    policies = [each["spec"] for each in of_kind(among, "NetworkPolicy")]
    for name, template in pods(among):
        mine = [each for each in policies if _fits(each["podSelector"], _labels(template))]
        for direction in ("Ingress", "Egress"):
            if not any(direction in each["policyTypes"] for each in mine):
                yield f"{name} has no policy for {direction}"
    for each in of_kind(among, "NetworkPolicy"):
        for rule in each["spec"].get("ingress", []):
            if not rule.get("from") or not rule.get("ports"):
                yield f"{each['metadata']['name']} lets everybody in"
    for each in of_kind(among, "Cluster", "RabbitmqCluster"):
        if not any(one["metadata"]["name"] == each["metadata"]["name"] for one in of_kind(among, "NetworkPolicy")):
            yield f"{each['metadata']['name']} can be reached by everybody"


def is_scaled_by_one(among: list[Object]) -> Iterator[str]:
    """A Deployment has a number of pods, or somebody who decides it."""
    scalers = of_kind(among, "HorizontalPodAutoscaler", "ScaledObject")
    targets = [each["spec"]["scaleTargetRef"]["name"] for each in scalers]
    for each in of_kind(among, "Deployment"):
        name = each["metadata"]["name"]
        deciders = targets.count(name) + ("replicas" in each["spec"])
        if deciders != 1:
            yield f"{name} has {deciders} that decide how many there are"
    deployments = {each["metadata"]["name"] for each in of_kind(among, "Deployment")}
    yield from (f"{target} is scaled and not there" for target in targets if target not in deployments)


def has_selectors_that_fit(among: list[Object]) -> Iterator[str]:
    """Selectors find the pods that they are for, and those of two Deployments find none in common."""
    deployments = of_kind(among, "Deployment")
    for each in deployments:
        found = [
            other["metadata"]["name"]
            for other in deployments
            if _fits(each["spec"]["selector"], _labels(other["spec"]["template"]))
        ]
        if found != [each["metadata"]["name"]]:
            yield f"{each['metadata']['name']} selects {found}"
    for service in of_kind(among, "Service"):
        name = service["metadata"]["name"]
        wanted = {"matchLabels": service["spec"]["selector"]}
        behind = [each for each in deployments if _fits(wanted, _labels(each["spec"]["template"]))]
        # An operator's pods are not rendered; they carry their Cluster's name.
        clusters = {each["metadata"]["name"] for each in of_kind(among, "Cluster")}
        if not behind and service["spec"]["selector"].get("cnpg.io/cluster") not in clusters:
            yield f"{name} leads to nobody"
        for port in service["spec"]["ports"]:
            for each in behind:
                open_ports = {one["name"]: one["containerPort"] for one in container(each)["ports"]}
                if open_ports.get(port["targetPort"]) != port["port"]:
                    yield f"{name} asks {each['metadata']['name']} at a port that it has not"


def has_ports_that_are_there(among: list[Object]) -> Iterator[str]:
    """Probes ask a port of their container, and the proxy one of a Service."""
    for name, _, each in _containers(among):
        ports = {port["name"] for port in each.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            for way in ("httpGet", "tcpSocket"):
                if (asked := each.get(probe, {}).get(way)) and asked["port"] not in ports:
                    yield f"{name} is probed at {asked['port']}"
    services = {each["metadata"]["name"] for each in of_kind(among, "Service")}
    for ingress in of_kind(among, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                at = path["backend"]["service"]
                if at["name"] not in services:
                    yield f"{path['path']} leads to {at['name']}, which is not there"
                elif at["port"]["name"] not in [
                    port["name"] for port in named(among, "Service", at["name"])["spec"]["ports"]
                ]:
                    yield f"{path['path']} leads to a port that {at['name']} has not"


#: All but the one that needs the notes.
RULES: tuple[Rule, ...] = (
    is_confined,
    has_somewhere_to_write,
    has_requests_and_limits,
    has_a_version,
    keeps_secrets_outside,
    fills_in_what_is_there,
    has_time_to_end,
    is_probed,
    survives_a_zone,
    is_fenced,
    is_scaled_by_one,
    has_selectors_that_fit,
    has_ports_that_are_there,
)
