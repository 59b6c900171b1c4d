"""The dashboard is one that Grafana can show. What it asks for is tried in test_expressions.py."""

from itertools import combinations
from typing import Any

import yaml

from tests.support.dashboard import DASHBOARD, PANELS, QUERIES
from tests.support.expedite import ROOT

COLUMNS = 24  # of Grafana's grid


def test_it_has_what_grafana_needs() -> None:
    assert {"uid", "title", "schemaVersion", "panels", "time", "templating", "annotations"} <= set(DASHBOARD)
    assert isinstance(DASHBOARD["schemaVersion"], int)
    assert 0 < len(DASHBOARD["uid"]) <= 40
    assert "id" not in DASHBOARD  # which only Grafana's database gives
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    sources = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/expedite.yml").read_text())
    known = {(source["type"], source["uid"]) for source in sources["datasources"]}
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["type"] in ("table", "bargauge", "timeseries")
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
    for asker in (*PANELS, *(target for _, target in QUERIES)):
        assert (asker["datasource"]["type"], asker["datasource"]["uid"]) in known


def test_panels_lie_beside_each_other_from_the_first_question_to_the_last() -> None:
    places = [panel["gridPos"] for panel in PANELS]
    for place in places:
        assert place["w"] > 0 < place["h"]
        assert 0 <= place["x"] <= COLUMNS - place["w"]
    assert not [(one, other) for one, other in combinations(places, 2) if overlap(one, other)]
    assert [(place["y"], place["x"]) for place in places] == sorted((place["y"], place["x"]) for place in places)
    assert PANELS[0]["targets"][0]["expr"].startswith("ALERTS")


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
