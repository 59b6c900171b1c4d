"""`make demo`, in short form: what is promised happens, and nothing stays behind."""

import re
import signal
from pathlib import Path

import pytest
import requests

from devstack.demo.evening import Evening
from tests.devstack.conftest import Run
from tests.support.eventually import eventually


def numbers(said: str) -> dict[str, int]:
    """What its last line counts."""
    found = re.search(
        r"(?P<placed>\d+) orders placed, (?P<cancelled>\d+) cancelled, (?P<returned>\d+) by guests who came back; "
        r"(?P<died>\d+) times a worker died, (?P<taken_over>\d+) orders taken over",
        said,
    )
    assert found is not None, said
    return {name: int(value) for name, value in found.groupdict().items()}


@pytest.mark.timeout(400)
@pytest.mark.matrix
def test_a_short_evening_has_everything_in_it_and_ends(checkout: Path, environment: dict[str, str]) -> None:
    demo = Run(checkout, environment, "demo", "--minutes", "1", "--seed", "7")
    try:
        demo.wait_until_said("made-up orders into this checkout's development database")
        assert re.search(r"board +http://127.0.0.1:\d+/board", demo.said)
        assert "Its seed is 7." in demo.said
        demo.wait_until_said("chef_luigi dies (kill -9)")
        workers = f"http://{environment['TRACKING_ADDRESS']}/workers/status"
        online = {each["worker_name"]: each["status"] for each in requests.get(workers, timeout=10).json()}
        assert set(online) == {"chef_mario", "chef_luigi", "bar"}
        demo.wait_until_said("is taken over by chef_mario")
        demo.wait_until_said("chef_luigi is back")
    finally:
        code = demo.ends(180)
    assert code == 0, demo.said
    for told in ("is sold out", "is back on the menu", "cancels", "is called back", "goes to the front"):
        assert told in demo.said
    counted = numbers(demo.said)
    assert counted["placed"] >= 20
    assert counted["cancelled"] >= 1
    assert counted["died"] >= 1
    assert counted["taken_over"] >= 1


@pytest.mark.matrix
def test_ctrl_c_ends_it_and_leaves_no_dish_sold_out(checkout: Path, environment: dict[str, str]) -> None:
    demo = Run(checkout, environment, "demo")
    demo.wait_until_said("is sold out")
    [dish] = re.findall(r"\d  (.*) is sold out", demo.said)
    demo.process.send_signal(signal.SIGINT)
    assert demo.ends(120) == 0, demo.said
    assert f"{dish} is back on the menu" in demo.said
    assert numbers(demo.said)["placed"] >= 1

    run = Run(checkout, environment)
    try:
        run.wait_until_ready()
        menu = requests.get(f"http://{environment['ORDER_ADDRESS']}/menu", timeout=10).json()["items"]
        assert [each["name"] for each in menu if not each["available"]] == []
    finally:
        run.process.send_signal(signal.SIGINT)
        run.ends(120)


def test_it_writes_into_no_database_that_was_given(checkout: Path, environment: dict[str, str]) -> None:
    demo = Run(checkout, {**environment, "DATABASE_URL": "postgresql://somebody@127.0.0.1/theirs"}, "demo")
    assert demo.ends(30) == 1
    assert "unset DATABASE_URL" in demo.said
    assert not (checkout / ".devstack/postgres").exists()


@pytest.mark.parametrize("minutes", ["0", "nan", "ten"])
def test_it_has_an_end(checkout: Path, environment: dict[str, str], minutes: str) -> None:
    demo = Run(checkout, environment, "demo", "--minutes", minutes)
    assert demo.ends(30) == 2
    assert "0.5 to 120" in demo.said


def test_what_is_due_is_done_in_order_and_once() -> None:
    evening, done = Evening(1, 0.05), []
    evening.begin()
    evening.later(60, lambda: done.append("second"))
    evening.later(30, lambda: done.append("first"))
    evening.every(1000, lambda: done.append("at once"))

    def all_done() -> bool:
        evening.do_what_is_due()
        return len(done) >= 3

    eventually(all_done, every=0.01)
    assert done == ["at once", "first", "second"]
    eventually(evening.is_over)
