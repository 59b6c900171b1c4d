"""The image and the chart agree. The image is built nowhere here: its Dockerfile is read."""

import re

from tests.support import chart
from tests.support.chart import CHART
from tests.support.expedite import ROOT


def test_the_image_runs_as_the_user_that_the_chart_names() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    [made] = [line for line in lines if "useradd" in line]
    [user] = re.findall(r"--uid (\d+)", made)
    # By its number: Kubernetes does not start a container that must not be root and has a user by name.
    assert [line for line in lines if line.startswith("USER ")] == [f"USER {user}:{user}"]
    assert int(user) > 0
    for _, template in chart.pods(chart.objects("chain", CHART)):
        security = template["spec"]["securityContext"]
        assert (security["runAsUser"], security["runAsGroup"]) == (int(user), int(user))
