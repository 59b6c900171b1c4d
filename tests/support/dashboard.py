"""Grafana's dashboard, as the deployment has it."""

import json
from typing import Any

from tests.support.expedite import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/expedite.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
#: Each panel's title with one of its queries.
QUERIES = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
