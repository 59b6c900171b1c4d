"""What a process answers at /metrics."""

import requests
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.expedite import Process

Figures = dict[tuple[str, ...], float]


def families(url: str) -> list[Metric]:
    """What stands on a page in Prometheus' text format."""
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return list(text_string_to_metric_families(answer.text))


def figures(process: Process) -> Figures:
    """All of a process's samples, by name and the values of their labels in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families(f"{process.url}/metrics")
        for sample in family.samples
    }
