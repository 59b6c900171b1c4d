"""What ends by itself is started again, with growing pauses, and not for ever."""

import pytest

from devstack import supervision
from devstack.processes import DevstackError
from devstack.supervision import MAX_TRIES, STAYED_UP, Supervisor


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Oven:
    """A part that runs or does not, as the test says; `starts` are the times at which it was started."""

    name = "oven"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.starts: list[float] = []
        self.runs = False
        self.failure: Exception | None = None

    def start(self) -> None:
        self.starts.append(self.clock.now)
        if self.failure is not None:
            raise self.failure
        self.runs = True

    def ended(self) -> str | None:
        return None if self.runs else "by SIGKILL"

    def last_lines(self) -> str:
        return "out of gas"

    def pauses(self) -> list[float]:
        """Seconds between a start and the one before it, for a part that ends, or fails, at once."""
        return [after - before for before, after in zip(self.starts, self.starts[1:], strict=False)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(supervision, "time", clock)
    return clock


@pytest.fixture
def oven(clock: Clock) -> Oven:
    return Oven(clock)


@pytest.fixture
def supervisor(oven: Oven) -> Supervisor:
    supervisor = Supervisor()
    supervisor.start(oven)
    return supervisor


def pass_time(supervisor: Supervisor, clock: Clock, seconds: float) -> None:
    for _ in range(round(seconds / 0.5)):
        supervisor.check()
        clock.now += 0.5


def test_what_ended_is_started_again_after_a_pause_and_said_so(
    supervisor: Supervisor, oven: Oven, clock: Clock, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    oven.runs = False
    pass_time(supervisor, clock, 10)
    assert oven.starts == [0, 0.5]
    said = b"oven ended by itself, by SIGKILL; starting it again in 0.5 s\noven is started again\n"
    assert capfdbinary.readouterr().out == said


@pytest.mark.parametrize("failure", [DevstackError("port 5432 is in use"), OSError(28, "No space left on device")])
def test_what_cannot_be_started_is_tried_less_and_less_often_and_then_given_up(
    supervisor: Supervisor, oven: Oven, clock: Clock, failure: Exception
) -> None:
    oven.runs, oven.failure = False, failure
    with pytest.raises(DevstackError, match=r"oven did not start: .*in a row. Its last lines:\nout of gas"):
        pass_time(supervisor, clock, 1000)
    assert len(oven.starts) == 1 + MAX_TRIES
    assert oven.pauses() == sorted(oven.pauses())
    assert 30 < oven.starts[-1] < 90


def test_what_ends_soon_each_time_is_given_up_and_what_stayed_up_for_a_while_is_not(
    supervisor: Supervisor, oven: Oven, clock: Clock
) -> None:
    def ends_again_and_again(times: int, after: float) -> None:
        for _ in range(times):
            oven.runs = False
            pass_time(supervisor, clock, after)

    ends_again_and_again(2 * MAX_TRIES, after=STAYED_UP + 2)
    assert oven.runs
    with pytest.raises(DevstackError, match="by SIGKILL, for the 9th time in a row"):
        ends_again_and_again(MAX_TRIES + 1, after=11)


def test_what_ends_before_all_were_ready_is_given_up_at_once(supervisor: Supervisor, oven: Oven) -> None:
    supervisor.check_first_start()
    oven.runs = False
    with pytest.raises(DevstackError, match=r"by SIGKILL\. Its last lines:\nout of gas"):
        supervisor.check_first_start()
    assert oven.starts == [0]
