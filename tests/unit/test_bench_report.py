"""What the benchmark makes of its programs' output and of its figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.drivers import BenchError, pause_for, read_hey, read_pgbench, read_wrk
from bench.memory import is_flat
from bench.report import Figures, sections, side_by_side, spread, table, updated
from bench.revisions import NOW, Code, check_imports, commit_of, unpacked

_WRK = """\
Running 2s test @ http://127.0.0.1:3000
  Requests/sec:   1000.00

RESULT {"requests": 2100, "microseconds": 2000000, "p50": 1500, "p99": 20250, "status": 100, "broken": 3}
"""
_PGBENCH = """\
number of transactions actually processed: 2071
number of failed transactions: 0 (0.000%)
latency average = 0.966 ms
tps = 1035.541817 (without initial connection time)
"""


_HEY = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n" + "".join(
    f"{number / 10_000:.4f},0.0001,0.0000,0.0000,0.0011,0.0001,201,0.0021\n" for number in range(1, 101)
)


def test_the_rate_is_of_good_answers_only() -> None:
    load = read_wrk(_WRK)
    assert load.rate == 1000
    assert load.errors == 103
    assert (load.p50, load.p99) == (1.5, 20.25)


@pytest.mark.parametrize("output", ["unable to connect", _WRK.replace("2100", "100"), _WRK.replace("2100", "0")])
def test_a_load_without_a_good_answer_is_no_figure(output: str) -> None:
    with pytest.raises(BenchError):
        read_wrk(output)


def test_pgbench_commits() -> None:
    assert read_pgbench(_PGBENCH) == 1035.541817


@pytest.mark.parametrize(
    "output", ["", _PGBENCH.replace("transactions: 0", "transactions: 2"), _PGBENCH.replace("tps", "TPS")]
)
def test_pgbench_that_failed_is_no_figure(output: str) -> None:
    with pytest.raises(BenchError):
        read_pgbench(output)


def test_hey_counts_each_answer_once() -> None:
    times = read_hey(_HEY, 2)
    assert times.rate == 50
    assert (times.p50, times.p99) == pytest.approx((5.05, 9.999))


@pytest.mark.parametrize("output", ["", _HEY.splitlines()[0], _HEY.replace("201", "503", 1)])
def test_hey_that_got_another_answer_is_no_figure(output: str) -> None:
    with pytest.raises(BenchError):
        read_hey(output, 2)


def test_connections_that_pause_make_the_rate_together() -> None:
    # 16 connections, each with 155 ms of pause and 5 ms of answer: a request every 10 ms.
    assert pause_for(16, 100) == 155
    assert pause_for(1, 10_000) > 0


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([3, 1, 2], "2 (1–3)"),
        ([2.5], "2.50"),
        ([1.234, 1.231], "1.23"),
        ([12.34, 10, 99.96], "12.3 (10–100.0)"),
        ([1234.5, 999.6, 20000], "1,234 (1,000–20,000)"),
        ([0, 0, 7], "0 (0–7)"),
    ],
)
def test_median_and_range(values: list[float], written: str) -> None:
    assert spread(values) == written


def test_a_ratio_is_of_figures_of_one_round() -> None:
    figures = Figures()
    for ours, theirs in ((10, 20), (40, 40), (30, 10)):
        figures.add("ours", ours)
        figures.add("theirs", theirs)
    assert figures.ratio("ours", "theirs") == "1 (0.50–3)"


def test_a_ratio_needs_both_in_every_round() -> None:
    figures = Figures()
    figures.add("ours", 1)
    with pytest.raises(ValueError, match="zip"):
        figures.ratio("ours", "theirs")


def test_a_table() -> None:
    assert table(["", "orders/s"], [["one", "7"], ["two", "1,234 (9–10)"]]) == (
        "|     |     orders/s |\n| :-- | -----------: |\n| one |            7 |\n| two | 1,234 (9–10) |"
    )


def test_figures_side_by_side() -> None:
    figures = Figures()
    for before, now in ((10, 20), (40, 40), (30, 45)):
        figures.add("before rate", before)
        figures.add("rate", now)
        figures.add("before errors", 0)
        figures.add("errors", now)
    rows = [("orders/s", "before rate", "rate"), ("errors", "before errors", "errors")]
    written = side_by_side(figures, "before", "now", rows).splitlines()
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in written if ":-" not in line] == [
        ["", "before", "now", "now / before"],
        ["orders/s", "30 (10–40)", "40 (20–45)", "1.50 (1–2)"],
        ["errors", "0", "40 (20–45)", "–"],
    ]


def test_figures_of_today_have_plain_names() -> None:
    assert NOW.figure("alone p99") == "alone p99"
    assert Code("before", Path("/elsewhere")).figure("alone p99") == "before alone p99"


@pytest.mark.parametrize("compiled", [False, True])
def test_services_that_import_other_code_are_no_figure(tmp_path: Path, compiled: bool) -> None:
    for folder in ("before", "now"):
        (tmp_path / folder / "common").mkdir(parents=True)
        (tmp_path / folder / "common/__init__.py").write_text("")
    before, now = (Code(name, tmp_path / name) for name in ("before", "now"))
    environment = {**os.environ, "PYTHONVERBOSE": "1", "PYTHONDONTWRITEBYTECODE": ""}
    for _ in range(1 + compiled):  # the second finds what the first compiled
        done = subprocess.run(
            [sys.executable, "-c", "import common"],
            cwd=before.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    source = ".pyc matches" if compiled else "code object from"
    assert f"{source} {before.folder}/common/__init__.py" in done.stderr
    check_imports(before, done.stderr, "common")
    with pytest.raises(BenchError, match="before/common"):
        check_imports(now, done.stderr, "common")
    with pytest.raises(BenchError, match="nowhere"):
        check_imports(before, "", "common")
    both = f"{done.stderr}\n# code object from {now.folder}/common/menu.py\n"
    with pytest.raises(BenchError, match="now/common"):
        check_imports(before, both, "common")


def test_another_revision_is_unpacked_elsewhere_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.revisions.ROOT", tmp_path)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/fill.sql").write_text("old")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "old"]):
        subprocess.run([*git, *command], check=True, timeout=30)
    (tmp_path / "bench/fill.sql").write_text("new")
    with unpacked(commit_of("HEAD")) as code:
        assert (code.folder / "bench/fill.sql").read_text() == "old"
        assert tmp_path not in code.folder.parents
    assert not code.folder.exists()


@pytest.mark.parametrize("revision", ["no-such-branch", "--all", "HEAD:README.md"])
def test_what_is_no_commit_is_said_so(revision: str) -> None:
    with pytest.raises(BenchError, match="is no commit"):
        commit_of(revision)


def test_sections_that_were_not_measured_stay() -> None:
    titles = ["Intake", "Tracking", "Kitchen"]
    first = updated("", "# Head", titles, {"Kitchen": "cooks", "Intake": "takes"})
    second = updated(first, "# Head", titles, {"Tracking": "tells", "Intake": "takes more"})
    assert sections(second) == ("# Head\n\n", {"Intake": "takes more", "Tracking": "tells", "Kitchen": "cooks"})
    assert list(sections(second)[1]) == titles


def test_another_machines_sections_go() -> None:
    old = updated("", "# Head\n\n2 cores", ["Intake", "Kitchen"], {"Kitchen": "cooks"})
    new = updated(old, "# Head\n\n64 cores", ["Intake", "Kitchen"], {"Intake": "takes"})
    assert sections(new)[1] == {"Intake": "takes"}


@pytest.mark.parametrize(
    ("samples", "flat"),
    [
        ([50, 80, 90, 90, 90, 90, 90, 90], True),  # grew while it warmed up
        ([50, 90, 90, 90.5, 91, 91, 91, 91], True),
        ([50, 60, 70, 80, 90, 100, 110, 120], False),
        ([100, 100, 100, 100, 101, 102, 103, 103], False),
    ],
)
def test_flat_memory(samples: list[float], flat: bool) -> None:
    assert is_flat(samples) is flat
