"""The model of how Expedite grows, where the answer can be worked out by hand; and that docs/scaling.md shows what
was measured, and nothing else."""

import math
import os
from dataclasses import replace

import pytest

from bench.scaling import growth, loads, page, plot
from bench.scaling.costs import cpu_seconds
from bench.scaling.measured import FILE, Measured
from bench.scaling.model import BATCH, BUSY, GATHER, MAX_ROWS, SENT_AT_ONCE, Costs
from bench.scaling.section import PAGE, PLOT
from common.outbox import publisher, relay
from common.postgres import group_commit

MS = 0.001
LATE = 0.03  # what is not done when the counting ends


def roughly(value: float) -> object:
    return pytest.approx(value, rel=LATE)


def test_one_customer_waits_for_each_part_in_turn() -> None:
    costs = Costs(
        client=0.1 * MS, request=1 * MS, transaction=2 * MS, row=0.4 * MS, statement=0.5 * MS, flush=1 * MS
    )
    found = loads.placed(costs, cores=1, processes=1, connections=1)
    assert found.orders == roughly(1 / (5 * MS))
    assert found.transactions == roughly(1)
    assert found.cores == roughly(4 / 5)  # nobody works while the disk writes


def test_a_full_core_does_as_much_as_all_costs_leave() -> None:
    costs = Costs(client=0.1 * MS, request=0.5 * MS, row=0.2 * MS, relay=0.1 * MS, broker=0.1 * MS)
    found = loads.placed(costs, cores=1, processes=1, connections=50)
    assert found.orders == roughly(1 / (1 * MS))
    assert found.cores == roughly(1)


def test_a_process_is_one_thread_however_many_cores_there_are() -> None:
    costs = Costs(request=1 * MS, row=0.01 * MS)
    assert loads.placed(costs, cores=8, processes=1, connections=50).orders == roughly(1_000)
    assert loads.placed(costs, cores=8, processes=4, connections=200).orders == roughly(4_000)
    assert loads.placed(costs, cores=2, processes=4, connections=200).orders == roughly(2 / (1.01 * MS))


def test_what_crowds_the_cores_is_slower() -> None:
    costs = Costs(request=0.5 * MS, row=0.5 * MS)
    found = loads.placed(costs, cores=1, processes=2, connections=50, crowding=1.25)
    assert found.orders == roughly(1_000 / 1.25)


def test_transactions_grow_while_one_runs() -> None:
    costs = Costs(request=0.01 * MS, statement=20 * MS)
    found = loads.placed(costs, cores=4, processes=1, connections=40)
    # Some are in one, and those that came meanwhile in the next: in two all 40 had their turn.
    assert found.orders == roughly(40 / (40 * MS))
    assert found.transactions == roughly(1 / 20)
    most = loads.placed(costs, cores=4, processes=1, connections=2 * MAX_ROWS)
    assert most.transactions == roughly(1 / MAX_ROWS)


def test_batches_are_as_large_as_they_are_in_truth() -> None:
    assert MAX_ROWS == group_commit._MAX_ROWS
    assert (BATCH, BUSY, GATHER) == (relay._BATCH, relay._BUSY, relay._GATHER)
    assert publisher._WRITE == SENT_AT_ONCE


def test_transactions_that_number_orders_follow_each_other() -> None:
    costs = Costs(request=0.01 * MS, statement=1 * MS, flush=1 * MS)
    found = loads.placed(costs, cores=8, processes=4, connections=4)
    assert found.orders == roughly(1 / (2 * MS))


def test_commits_of_moves_follow_each_other() -> None:
    costs = Costs(worker=0.1 * MS, move=0.1 * MS, flush=1 * MS)
    assert loads.cooked(costs, cores=8, workers=8).orders == roughly(1 / (2 * MS))


def test_a_worker_does_one_thing_after_the_other() -> None:
    costs = Costs(worker=3 * MS, move=1 * MS, flush=0.5 * MS, cooked_broker=2 * MS)
    assert loads.cooked(costs, cores=8, workers=1).orders == roughly(1 / (7 * MS))


def test_workers_share_a_core_with_all_that_serves_them() -> None:
    costs = Costs(
        worker=3 * MS,
        move=1 * MS,
        flush=0.1 * MS,
        cooked_broker=2 * MS,
        cooked_relay=0.5 * MS,
        cooked_relay_session=0.5 * MS,
        notifier=1 * MS,
        cooked_background=1 * MS,
    )
    found = loads.cooked(costs, cores=1, workers=8, seconds=20)
    assert found.orders == roughly(1 / (10 * MS))


def test_what_comes_slowly_is_all_ready() -> None:
    costs = Costs(request=1 * MS, row=0.1 * MS, relay=0.1 * MS, worker=1 * MS, move=0.1 * MS, notifier=1 * MS)
    found = loads.offered(costs, 500, orders=2, kitchens=2, seconds=2)
    assert (found.placed, found.ready, found.told) == (roughly(500), roughly(500), roughly(500))
    assert found.outbox == pytest.approx(0, abs=5)
    assert found.busy["notifier"] == roughly(0.5)


def test_a_part_of_which_there_is_one_gives_out_by_itself() -> None:
    costs = Costs(request=0.1 * MS, worker=0.1 * MS, cooked_relay=0.0, notifier=2 * MS)
    assert loads.offered(costs, 1_000, orders=1, kitchens=1, seconds=2).told == roughly(500)
    costs = Costs(request=0.1 * MS, worker=0.1 * MS, confirm=1 * MS)  # three messages an order
    found = loads.offered(costs, 1_000, orders=1, kitchens=1, seconds=3)
    assert found.busy["relay"] > 0.95
    assert found.placed == roughly(1_000)
    # What comes in a second, tickets and two moves of those that are ready, but for the thousand that it sends.
    assert found.outbox == pytest.approx(found.placed + 2 * found.ready - 1_000, rel=0.1)


def test_the_part_that_is_full_first_comes_first() -> None:
    costs = Costs(flush=0.25 * MS, notifier=1.25 * MS)
    limits = growth.limits(costs, numbering=9_000, relay=6_000, queue=0.4 * MS, log=100e6, wal=5_000)
    expected = {
        "notifier": 800,
        "commits": 2_000,
        "relay": 2_000,
        "queue": 2_500,
        "numbering": 9_000,
        "log": 20_000,
    }
    assert list(limits) == list(expected)
    assert limits == {part: pytest.approx(rate) for part, rate in expected.items()}


def test_houses_share_what_one_cannot_carry() -> None:
    costs = Costs(request=0.3 * MS, row=0.1 * MS, flush=0.2 * MS, worker=1 * MS, notifier=1 * MS)
    limits = growth.limits(costs, numbering=9_000, relay=3_000, queue=0.1 * MS, log=100e6, wal=5_000)
    [few, many] = growth.grown(costs, limits, [500, 4_000])
    assert few.houses == 1
    assert few.one == few.share
    assert many.houses == 5  # of 1,000 orders/s, of which four fifths; it is the relay that counts
    assert many.share.ready == roughly(800)
    assert many.order_processes % 5 == 0


def test_cpu_time_is_counted() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.05:
        math.factorial(2_000)
    assert cpu_seconds(2**22 + 1) == 0  # nobody has this number


def test_a_place_is_filled_and_nothing_else() -> None:
    before = "a\n<!-- rates -->\nold\n<!-- end of rates -->\nb\n"
    after = "a\n<!-- rates -->\n\nnew\n\n<!-- end of rates -->\nb\n"
    assert page.filled(before, {"rates": "new"}) == after
    assert page.filled(after, {"rates": "new"}) == after
    with pytest.raises(ValueError, match="costs"):
        page.filled(before, {"costs": "new"})


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured.read(FILE.read_text())


def test_what_was_measured_is_kept_whole(measured: Measured) -> None:
    assert Measured.read(measured.as_json()) == measured


def test_the_page_shows_what_was_measured(measured: Measured) -> None:
    text = PAGE.read_text()
    assert page.filled(text, page.parts(measured)) == text
    other = replace(measured, costs=replace(measured.costs, request=1.0))
    assert page.filled(text, page.parts(other)) != text


def test_the_plot_shows_what_was_measured(measured: Measured) -> None:
    assert PLOT.read_text() == plot.drawn(measured)
