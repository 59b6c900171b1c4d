"""Who may reach whom, by the charts' network policies."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.support import chart
from tests.support.chart import CHART, SERVERS, Object

Rule = dict[str, Any]


def going_out(component: str, **settings: Any) -> list[Rule]:
    """What a component's pods may reach, of every policy that is for them."""
    labels = {
        "app.kubernetes.io/name": "expedite",
        "app.kubernetes.io/instance": "expedite",
        "app.kubernetes.io/component": component,
    }
    values = {**chart.GIVEN, "settings": settings}
    return [
        rule
        for policy in chart.of_kind(chart.render(CHART, values), "NetworkPolicy")
        if policy["spec"]["podSelector"].get("matchLabels", {}).items() <= labels.items()
        and all(component in each["values"] for each in policy["spec"]["podSelector"].get("matchExpressions", []))
        for rule in policy["spec"].get("egress", [])
    ]


def ports(rules: list[Rule]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def to_anybody(rules: list[Rule]) -> set[int]:
    return ports([rule for rule in rules if "to" not in rule])


def to_the_internet(rules: list[Rule], address: str) -> set[int]:
    """The ports of an address that is nobody's in the cluster."""
    at = ip_address(address)

    def fits(block: Rule) -> bool:
        network = ip_network(block["cidr"])
        out = [ip_network(each) for each in block.get("except", [])]
        return at.version == network.version and at in network and not any(at in each for each in out)

    return ports(
        [rule for rule in rules if any(fits(peer["ipBlock"]) for peer in rule.get("to", []) if "ipBlock" in peer)]
    )


def test_a_migration_reaches_names_and_postgresql_alone() -> None:
    assert ports(going_out("migrate")) == {53, 5432}


@pytest.mark.parametrize("component", ["order", "kitchen", "tracking"])
def test_services_reach_their_servers_and_nobody_else(component: str) -> None:
    rules = going_out(component, SMTP_HOST="smtp.example.com")
    assert ports(rules) == {53, 5432, 5672, 6379}
    assert to_anybody(rules) == to_the_internet(rules, "93.184.216.34") == set()


def test_the_notifier_reaches_receivers_of_webhooks_on_the_internet_alone() -> None:
    rules = going_out("notifier")
    for public in ("93.184.216.34", "2606:2800:220:1::1"):
        assert to_the_internet(rules, public) == {443, 80, 1024}
    for inside in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1"):
        assert to_the_internet(rules, inside) == set()
    assert to_the_internet(going_out("notifier", WEBHOOKS_ALLOW_PRIVATE=True), "10.1.2.3") == {443, 80, 1024}
    assert to_the_internet(going_out("notifier", WEBHOOKS_ALLOW_PRIVATE=False), "10.1.2.3") == set()


def test_the_mail_server_is_reached_where_it_is() -> None:
    assert to_anybody(going_out("notifier")) == set()
    assert to_anybody(going_out("notifier", SMTP_HOST="mail")) == {587}
    assert to_anybody(going_out("notifier", SMTP_HOST="mail", SMTP_PORT=465)) == {465}


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [("http://collector:4318", 4318), ("http://collector", 80), ("https://collector.example.com", 443)],
)
def test_the_receiver_of_traces_is_reached_where_it_is(endpoint: str, port: int) -> None:
    assert to_anybody(going_out("order", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)) == {port}


def coming_in(among: list[Object], name: str) -> dict[int | str, list[str]]:
    """For each port of a policy who may ask at it: namespaces, and labels of pods."""
    found: dict[int | str, list[str]] = {}
    for rule in chart.named(among, "NetworkPolicy", name)["spec"]["ingress"]:
        who = [
            value
            for peer in rule["from"]
            for selector in ("namespaceSelector", "podSelector")
            for value in peer.get(selector, {}).get("matchLabels", {}).values()
        ]
        found |= {port["port"]: who for port in rule["ports"]}
    return found


def test_servers_are_reached_by_who_needs_them() -> None:
    among = chart.objects("chain", SERVERS)
    postgresql, rabbitmq = coming_in(among, "expedite-postgresql"), coming_in(among, "expedite-rabbitmq")
    assert postgresql == {
        5432: ["expedite", "expedite-postgresql"],
        8000: ["expedite-postgresql", "cnpg-system"],
    }
    assert rabbitmq == {
        5672: ["expedite", "keda"],
        **{port: ["expedite-rabbitmq"] for port in (4369, 25672, 35672)},
    }
    assert coming_in(among, "expedite-redis") == {6379: ["expedite"]}


def test_the_services_are_reached_by_the_proxy_and_by_prometheus() -> None:
    assert coming_in(chart.objects("chain", CHART), "expedite-services") == {"http": ["ingress-controller"]}
    watched = chart.render(CHART, {**chart.GIVEN, "monitoring": {"namespace": "watching"}})
    assert coming_in(watched, "expedite-services") == {"http": ["ingress-controller", "watching"]}
    servers = chart.render(SERVERS, {"namespaces": {"monitoring": "watching"}})
    assert coming_in(servers, "expedite-rabbitmq")[15692] == ["watching"]
    assert coming_in(servers, "expedite-postgresql")[9187] == ["watching"]
