"""The layout keeps what CONTRIBUTING.md says of it."""

from pathlib import Path

import grimp
import pytest

from tests.support.expedite import ROOT

SERVICES = ("order_service", "kitchen_service", "tracking_service", "notifier_service")
MAX_LINES = 300


def modules() -> list[Path]:
    folders = (*SERVICES, "common", "devstack", "bench")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_go(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_what_is_common_serves_more_than_one_service() -> None:
    graph = grimp.build_graph("common", *SERVICES, cache_dir=None)
    # config.yml names the container for all of them.
    alone = {
        module: users
        for module in sorted(graph.find_descendants("common"))
        if module != "common.nameko_runtime.container"
        and not graph.find_children(module)
        and len(users := {each.split(".")[0] for each in graph.find_downstream_modules(module)} - {"common"}) < 2
    }
    assert alone == {}
