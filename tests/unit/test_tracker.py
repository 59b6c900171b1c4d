"""What a tracker says of an order: its steps, what is promised, and how it stands, case by case."""

from datetime import UTC, datetime, timedelta

import pytest

from tracking_service.tracker import words
from tracking_service.tracker.facts import Facts, Happened, Line
from tracking_service.tracker.headline import headline, more
from tracking_service.tracker.promise import promise
from tracking_service.tracker.sentences import Age, Sentence
from tracking_service.tracker.steps import AHEAD, DONE, NOW, STOPPED, Step, steps

EVENING = datetime(2026, 11, 22, 20, 43, 30, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """So many minutes from now; before it, when they are negative."""
    return EVENING + timedelta(minutes=minutes)


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"


RECEIVED = Happened("received", at(-4), "customer")
COOKING = Happened("cooking", at(-3), "chef_mario")
READY = Happened("ready", at(-2), "chef_mario")
RECALLED = Happened("cooking", at(-1), "anna", "one box was missing")
OUT = Happened("out_for_delivery", at(-1), "anna")


def facts(*history: Happened, order_type: str = "takeout", **changes: object) -> Facts:
    values: dict[str, object] = {
        "number": "ORD_20261122_151",
        "order_type": order_type,
        "status": history[-1].status,
        "history": history,
        "estimate": None,
        "first_estimate": None,
        "processed_by": None,
        **changes,
    }
    return Facts(**values)  # type: ignore[arg-type]


def shown(order: Facts, is_mine: bool = True) -> list[tuple[str, str, str, list[str]]]:
    """Its steps as one reads them: name, state, time and details."""
    told = promise(order, EVENING)
    return [
        (
            step.name,
            step.state,
            "" if step.time is None else step.time.plain(clock),
            [detail.plain(clock) for detail in step.details],
        )
        for step in steps(order, told.about if told else None, EVENING, is_mine=is_mine)
    ]


def test_one_that_waits() -> None:
    order = facts(RECEIVED, order_type="delivery", estimate=at(15), line=Line(0, is_taken=False))
    assert shown(order) == [
        ("Received", DONE, "20:39", []),
        ("Waiting its turn", NOW, "4 min", ["You are first in line for deliveries"]),
        ("Preparing", AHEAD, "", []),
        ("Ready", AHEAD, "about 20:58", []),
        ("Out for delivery", AHEAD, "", []),
        ("Delivered", AHEAD, "", []),
    ]


@pytest.mark.parametrize(
    ("order_type", "last"), [("dine_in", "Served"), ("takeout", "Collected"), ("delivery", "Delivered")]
)
def test_each_type_has_its_last_step_and_deliveries_one_more(order_type: str, last: str) -> None:
    names = [name for name, *_ in shown(facts(RECEIVED, order_type=order_type))]
    assert names[-1] == last
    assert ("Out for delivery" in names) == (order_type == "delivery")


def test_one_that_is_made() -> None:
    order = facts(RECEIVED, COOKING, estimate=at(2), processed_by="chef_mario")
    assert shown(order) == [
        ("Received", DONE, "20:39", []),
        ("Preparing", NOW, "since 20:40", ["by chef_mario"]),
        ("Ready", AHEAD, "about 20:45", []),
        ("Collected", AHEAD, "", []),
    ]


def test_one_that_is_ready_has_no_time_to_come() -> None:
    assert shown(facts(RECEIVED, COOKING, READY, estimate=at(-2))) == [
        ("Received", DONE, "20:39", []),
        ("Preparing", DONE, "20:40", []),
        ("Ready", NOW, "20:41", []),
        ("Collected", AHEAD, "", []),
    ]


def test_one_that_was_called_back_has_a_step_more() -> None:
    order = facts(RECEIVED, COOKING, READY, RECALLED, estimate=at(4), processed_by="chef_mario")
    assert shown(order) == [
        ("Received", DONE, "20:39", []),
        ("Preparing", DONE, "20:40", []),
        ("Ready", DONE, "20:41", ["Called back by anna at 20:42: one box was missing"]),
        ("Preparing again", NOW, "since 20:42", ["by chef_mario"]),
        ("Ready", AHEAD, "about 20:47", []),
        ("Collected", AHEAD, "", []),
    ]


def test_who_called_it_back_is_not_said_to_make_it() -> None:
    order = facts(RECEIVED, COOKING, READY, RECALLED, estimate=at(4), processed_by="anna")
    assert shown(order)[3] == ("Preparing again", NOW, "since 20:42", [])
    assert headline(order) == Sentence("Being prepared again")


def test_for_everybody_staff_have_no_names_and_give_no_reasons() -> None:
    order = facts(RECEIVED, COOKING, READY, Happened("cooking", at(-1), "staff"), processed_by="staff")
    assert shown(order)[2][3] == ["Called back at 20:42"]
    assert headline(order) == Sentence("Being prepared again")
    assert headline(facts(RECEIVED, Happened("cooking", at(-1), "staff"), processed_by="staff")) == Sentence(
        "Being prepared"
    )


def test_one_on_its_way_and_one_that_has_arrived() -> None:
    on_its_way = (RECEIVED, COOKING, READY, OUT)
    assert shown(facts(*on_its_way, order_type="delivery"))[3:] == [
        ("Out for delivery", NOW, "20:42", []),
        ("Delivered", AHEAD, "", []),
    ]
    arrived = facts(*on_its_way, Happened("completed", at(0), "anna"), order_type="delivery")
    assert {state for _, state, *_ in shown(arrived)} == {DONE}
    assert shown(arrived)[-1] == ("Delivered", DONE, "20:43", [])


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_one_that_came_to_nothing_has_nothing_before_it(status: str) -> None:
    order = facts(RECEIVED, Happened(status, at(-1), "customer"))
    assert shown(order) == [("Received", DONE, "20:39", []), (status.capitalize(), STOPPED, "20:42", [])]


def test_one_that_failed_and_was_taken_up_again() -> None:
    failed, again = Happened("failed", at(-2), "kitchen"), Happened("received", at(-1), "kitchen")
    order = facts(RECEIVED, COOKING, failed, again, line=Line(2, is_taken=True))
    assert shown(order)[2:5] == [
        ("Failed", STOPPED, "20:41", []),
        ("Taken up again", DONE, "20:42", []),
        ("Waiting its turn", NOW, "1 min", ["You are third in line for takeout"]),
    ]
    assert shown(facts(RECEIVED, COOKING, failed, again, COOKING))[4][0] == "Preparing again"


def test_being_sent_to_the_front_is_no_step() -> None:
    order = facts(RECEIVED, Happened("received", at(-1), "anna", "sent to the front"), line=Line(0, is_taken=True))
    assert [step[:3] for step in shown(order)[:2]] == [
        ("Received", DONE, "20:39"),
        ("Waiting its turn", NOW, "4 min"),
    ]


def test_whoever_is_not_its_customer_is_not_in_line() -> None:
    order = facts(RECEIVED, order_type="dine_in", line=Line(3, is_taken=True))
    assert shown(order, is_mine=False)[1][3] == ["It is fourth in line for table orders"]


@pytest.mark.parametrize(
    ("place", "ordinal"),
    [
        (1, "first"),
        (10, "tenth"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (20, "20th"),
        (21, "21st"),
        (22, "22nd"),
        (33, "33rd"),
        (111, "111th"),
    ],
)
def test_places_in_line(place: int, ordinal: str) -> None:
    assert words.ordinal(place) == ordinal


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "just now"), (1, "1 min"), (59, "59 min"), (60, "1 h 00"), (64, "1 h 04"), (600, "10 h 00")],
)
def test_how_long_it_has_waited(minutes: int, said: str) -> None:
    assert str(Age(EVENING, minutes)) == said


# --- what is promised ------------------------------------------------------------------------------------


def test_on_time_nothing_is_said_of_before() -> None:
    told = promise(facts(RECEIVED, estimate=at(15), first_estimate=at(14)), EVENING)
    assert told is not None
    assert (told.about, told.is_overdue, told.first, told.later_by, told.why) == (at(15), False, None, 0, None)


@pytest.mark.parametrize(
    ("order_type", "what"),
    [
        ("dine_in", "ready, then at your table"),
        ("takeout", "ready to collect"),
        ("delivery", "ready, then on its way"),
    ],
)
def test_what_the_time_is_of(order_type: str, what: str) -> None:
    told = promise(facts(RECEIVED, order_type=order_type, estimate=at(15)), EVENING)
    assert told is not None
    assert told.what == what


@pytest.mark.parametrize(("seconds", "later_by"), [(119, 0), (120, 2), (175, 3), (480, 8), (-600, 0)])
def test_it_has_slipped_from_two_minutes_on(seconds: int, later_by: int) -> None:
    first = datetime(2026, 11, 22, 20, 50, 10, tzinfo=UTC)
    told = promise(facts(RECEIVED, estimate=first + timedelta(seconds=seconds), first_estimate=first), EVENING)
    assert told is not None
    assert told.later_by == later_by
    assert (told.first is not None) == (later_by > 0)


def test_the_minutes_are_those_between_the_times_that_are_shown() -> None:
    first = datetime(2026, 11, 22, 20, 50, 50, tzinfo=UTC)
    told = promise(facts(RECEIVED, estimate=first + timedelta(seconds=130), first_estimate=first), EVENING)
    assert told is not None
    assert told.later_by == 3  # 20:50 and 20:53


@pytest.mark.parametrize(
    ("history", "line", "why"),
    [
        ((RECEIVED,), Line(0, is_taken=False), "Nobody here makes deliveries right now."),
        ((RECEIVED,), Line(5, is_taken=False), "Nobody here makes deliveries right now."),
        ((RECEIVED,), Line(1, is_taken=True), "One order is ahead of it."),
        ((RECEIVED,), Line(5, is_taken=True), "5 orders are ahead of it."),
        ((RECEIVED,), Line(0, is_taken=True), None),
        ((RECEIVED, COOKING), None, None),
        ((RECEIVED, COOKING, READY, RECALLED), None, "It went back to be put right."),
        (
            (RECEIVED, COOKING, READY, RECALLED, Happened("failed", at(-1), "anna"), RECEIVED),
            Line(3, is_taken=True),
            "Something went wrong, and it was taken up again.",
        ),
        (
            (RECEIVED, Happened("failed", at(-2), "kitchen"), Happened("received", at(-1), "kitchen")),
            Line(3, is_taken=True),
            "Something went wrong, and it was taken up again.",
        ),
    ],
)
def test_why_it_is_later_is_said_where_it_is_known(
    history: tuple[Happened, ...], line: Line | None, why: str | None
) -> None:
    told = promise(
        facts(*history, order_type="delivery", estimate=at(9), first_estimate=at(1), line=line), EVENING
    )
    assert told is not None
    assert told.why == (None if why is None else Sentence(why))


@pytest.mark.parametrize(
    ("seconds", "is_overdue"), [(-31, True), (-30, False), (0, False), (60, False), (-3600, True)]
)
def test_a_time_that_has_passed_is_never_promised(seconds: float, is_overdue: bool) -> None:
    """It is 20:43:30: 20:43 has not passed, 20:42 has."""
    order = facts(RECEIVED, COOKING, estimate=EVENING + timedelta(seconds=seconds), first_estimate=at(-9))
    told = promise(order, EVENING)
    assert told is not None
    assert told.is_overdue == is_overdue
    if is_overdue:
        assert (told.about, told.first, told.later_by) == (None, None, 0)
        assert "about" not in "".join(time for _, _, time, _ in shown(order))


@pytest.mark.parametrize("status", ["ready", "out_for_delivery", "completed", "cancelled", "failed"])
def test_nothing_is_promised_any_more(status: str) -> None:
    assert promise(facts(RECEIVED, Happened(status, at(-1), "anna"), estimate=at(5)), EVENING) is None


def test_without_an_estimate_there_is_no_time() -> None:
    told = promise(facts(RECEIVED, COOKING), EVENING)
    assert told is not None
    assert (told.about, told.is_overdue) == (None, False)


# --- how it stands ---------------------------------------------------------------------------------------

CANCELLED_BY_ANNA = Happened("cancelled", at(-1), "anna", "out of lettuce")


@pytest.mark.parametrize(
    ("order", "said", "besides"),
    [
        (facts(RECEIVED), "Waiting its turn", None),
        (facts(RECEIVED, COOKING, processed_by="chef_mario"), "chef_mario is preparing it", None),
        (facts(RECEIVED, COOKING), "Being prepared", None),
        (facts(RECEIVED, READY), "Ready to collect", "Show this number at the counter."),
        (facts(RECEIVED, READY, order_type="dine_in"), "Ready", "We bring it to table 5."),
        (
            facts(RECEIVED, READY, order_type="delivery"),
            "Ready to go out",
            "It waits for whoever brings it to you.",
        ),
        (facts(RECEIVED, OUT, order_type="delivery"), "On its way", "It left at 20:42."),
        (facts(RECEIVED, Happened("completed", at(0), "anna")), "Collected", "At 20:43. Enjoy it."),
        (facts(RECEIVED, Happened("cancelled", at(-1), "customer")), "Cancelled", "You cancelled it at 20:42."),
        (facts(RECEIVED, CANCELLED_BY_ANNA), "Cancelled", "anna cancelled it at 20:42: out of lettuce"),
        (facts(RECEIVED, Happened("cancelled", at(-1), "anna")), "Cancelled", "anna cancelled it at 20:42."),
        (
            facts(RECEIVED, Happened("failed", at(-1), "anna", "no ice")),
            "It could not be made",
            "anna gave it up at 20:42: no ice",
        ),
        (
            facts(RECEIVED, Happened("failed", at(-1), "kitchen", "OperationalError: 1")),
            "It could not be made",
            "We had to give it up at 20:42.",
        ),
    ],
)
def test_how_it_stands_for_its_customer(order: Facts, said: str, besides: str | None) -> None:
    assert headline(order).plain(clock) == said
    told = more(order, is_mine=True, table=5)
    assert (None if told is None else told.plain(clock)) == besides


@pytest.mark.parametrize(
    ("order", "besides"),
    [
        (facts(RECEIVED, READY, order_type="dine_in"), "We bring it to your table."),
        (facts(RECEIVED, Happened("completed", at(0), "staff")), "At 20:43."),
        (facts(RECEIVED, Happened("cancelled", at(-1), "customer")), "Its customer cancelled it at 20:42."),
        (facts(RECEIVED, Happened("cancelled", at(-1), "staff")), "Staff cancelled it at 20:42."),
        (facts(RECEIVED, Happened("failed", at(-1), "staff")), "Staff gave it up at 20:42."),
    ],
)
def test_how_it_stands_for_everybody(order: Facts, besides: str) -> None:
    told = more(order, is_mine=False, table=None)
    assert told is not None
    assert told.plain(clock) == besides


def test_what_was_typed_is_marked_as_such() -> None:
    """A reason that looks like a place in a sentence is still a reason."""
    typed = "{when} <b>"
    told = more(facts(RECEIVED, Happened("cancelled", at(-1), "anna", typed)), is_mine=True, table=None)
    assert told is not None
    assert told.parts == [
        ("typed", "anna"),
        ("words", " cancelled it at "),
        ("time", at(-1)),
        ("words", ": "),
        ("typed", typed),
    ]
    assert Sentence("{n} left", n=3).parts == [("words", 3), ("words", " left")]
    assert Step("Ready", AHEAD).details == ()
