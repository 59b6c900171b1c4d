"""Every expression of the dashboard and of the alerts asks for something that the running services say."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from prometheus_client import REGISTRY

import tracking_service.service  # noqa: F401
from devstack.rabbitmq import RabbitMQ
from tests.support import promql
from tests.support.dashboard import QUERIES
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tests.support.prometheus import rules
from tests.support.rabbitmq_metrics import rabbitmq_url
from tests.support.scraping import families

#: What Prometheus itself makes: of each target, and of the alerts.
FROM_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
OF_EACH_TARGET = {"job", "instance"}
ASKED = {
    **{f"dashboard: {title} {target['refId']}": target["expr"] for title, target in QUERIES},
    **{f"alert: {rule['alert']}": rule["expr"] for rule in rules()},
}


class Said(NamedTuple):
    """What is said of a metric: its labels, and the values that each has somewhere."""

    labels: set[str]
    values: set[tuple[str, str]]


@pytest.fixture(scope="module")
def said(running: Expedite, rabbitmq: RabbitMQ) -> Iterator[dict[str, Said]]:
    """By the names of samples, of an Expedite in which an order was placed and cooked."""
    for service in ("order_service", "notifier_service"):
        running.start(service)
    # A server that was promoted is a standby that has everything.
    running.start("tracking_service", STANDBY_URL=running.database_url)
    running.start_worker()
    running.wait_for(running.place_number(), "ready")
    eventually(running.is_settled)
    with rabbitmq_url(rabbitmq) as url:
        yield _said(running, url)


def _said(running: Expedite, rabbitmq: str) -> dict[str, Said]:
    found: dict[str, Said] = {}
    for url in (*(f"{process.url}/metrics" for process in running.processes), rabbitmq):
        for family in families(url):
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            declared = getattr(REGISTRY._names_to_collectors.get(family.name), "_labelnames", ())
            for suffix in suffixes:
                name = family.name + suffix
                labels, values = found.setdefault(name, Said(set(), set()))
                labels.update(declared, ["le"] if suffix == "_bucket" else [])
                for sample in family.samples:
                    if sample.name == name:
                        labels.update(sample.labels)
                        values.update(sample.labels.items())
    return found


@pytest.mark.parametrize("expression", ASKED.values(), ids=ASKED)
def test_what_is_asked_for_is_said(said: dict[str, Said], expression: str) -> None:
    asked = promql.read(expression)
    known = set(OF_EACH_TARGET) | asked.made
    assert asked.selectors
    for selector in asked.selectors:
        if selector.name in FROM_PROMETHEUS:
            known |= FROM_PROMETHEUS[selector.name]
            continue
        assert selector.name in said, f"no service says {selector.name}"
        labels, values = said[selector.name]
        known |= labels
        for label, operator, value in selector.matchers:
            assert label in labels, f"{selector.name} has no {label}"
            if operator == "=":
                assert (label, value) in values, f"no {selector.name} has the {label} {value}"
    assert asked.grouping <= known


def test_what_services_say_is_what_operators_can_read_about(said: dict[str, Said]) -> None:
    section = (ROOT / "docs/operations.md").read_text().partition("## Metrics\n")[2].partition("\n## ")[0]
    explained = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"`(expedite_\w+)`", section)}
    of_ours = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in said
        if name.startswith("expedite_") and not name.endswith("_created")
    }
    assert explained == of_ours


def test_what_is_shown_of_a_series_is_known_of_it(said: dict[str, Said]) -> None:
    for title, target in QUERIES:
        _shown_is_known(said, title, target["expr"], re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    for rule in rules():
        texts = " ".join(rule["annotations"].values())
        _shown_is_known(said, rule["alert"], rule["expr"], re.findall(r"\$labels\.(\w+)", texts))


def _shown_is_known(said: dict[str, Said], what: str, expression: str, shown: list[str]) -> None:
    """What is grouped keeps the labels that it is grouped by, and what is not all of them."""
    asked = promql.read(expression)
    kept = asked.grouping | asked.made
    if not asked.grouping:
        kept |= OF_EACH_TARGET.union(*(said[each.name].labels for each in asked.selectors if each.name in said))
    assert set(shown) <= kept, what
