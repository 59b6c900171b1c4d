"""Whose names everybody sees who counts order numbers: those of workers, and of no person."""

import json
from typing import Any

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.people import NO_LIMITS, Someone, get, post, register

WORKER = "chef_mario"


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    running.start("tracking_service", STUCK_RECEIVED=1, STUCK_COOKING=1)
    running.start_worker(WORKER, ORDER_TYPES="takeout")
    return running


@pytest.fixture(scope="module")
def emma(house: Expedite) -> Someone:
    return register(house, "emma", "employee")


def at_a_table(house: Expedite, who: Someone | None = None) -> dict[str, Any]:
    """An order that no worker takes."""
    answer = post(house, "/orders", an_order(order_type="dine_in", table_number=3), who)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def moved(house: Expedite, number: str, who: Someone, *steps: str) -> None:
    for step in steps:
        assert post(house, f"/orders/{number}/{step}", None, who).status_code == 200


def signed(house: Expedite, number: str) -> list[str]:
    """Who did it, for everybody, oldest first."""
    return [step["changed_by"] for step in house.track(f"/orders/{number}/history")]


def processed_by(house: Expedite, number: str) -> str | None:
    """Who has it or had it last, for everybody."""
    return house.track(f"/orders/{number}/status")["processed_by"]  # type: ignore[no-any-return]


def test_a_person_is_staff_for_everybody_and_has_a_name_for_the_house(house: Expedite, emma: Someone) -> None:
    placed = at_a_table(house)
    number = placed["order_number"]
    assert processed_by(house, number) is None
    moved(house, number, emma, "start")

    [stuck] = eventually(
        lambda: [order for order in house.track("/orders/stuck") if order["order_number"] == number]
    )
    assert stuck["processed_by"] == "staff"
    moved(house, number, emma, "ready", "recall", "ready", "complete")

    assert processed_by(house, number) == "staff"
    assert signed(house, number) == ["customer", *["staff"] * 5]
    public = [house.track(f"/orders/{number}/{what}") for what in ("status", "history")]
    public += [house.track("/workers/status"), get(house, f"/orders/{number}").json()]
    assert emma.username not in json.dumps(public)

    assert get(house, f"/orders/{number}", emma).json()["processed_by"] == emma.username
    assert requests.get(house.with_key(placed), timeout=15).json()["processed_by"] == emma.username
    with house.rpc() as rpc:
        assert rpc.order_service.get_status(number)["processed_by"] == emma.username
        history = rpc.order_service.get_history(number)
    assert [step["changed_by"] for step in history] == ["customer", *[emma.username] * 5]


def test_a_worker_has_its_name_also_when_it_is_gone(house: Expedite) -> None:
    number = house.place_number()
    house.wait_for(number, "ready")
    assert (processed_by(house, number), signed(house, number)) == (WORKER, ["customer", WORKER, WORKER])
    house.query("update workers set status = 'offline', last_seen = now() - interval '1 year'")
    assert (processed_by(house, number), signed(house, number)) == (WORKER, ["customer", WORKER, WORKER])


def test_what_staff_place_fail_or_cancel_is_signed_by_staff(house: Expedite, emma: Someone) -> None:
    theirs = at_a_table(house, emma)["order_number"]
    moved(house, theirs, emma, "fail")
    assert signed(house, theirs) == ["staff", "staff"]
    other = at_a_table(house)["order_number"]
    moved(house, other, emma, "cancel")
    assert signed(house, other) == ["customer", "staff"]
    with house.rpc() as rpc:
        by_rpc = rpc.order_service.place_order(an_order(order_type="dine_in", table_number=3))["order_number"]
        rpc.kitchen_service.move_order(by_rpc, "cooking", "Grace Hopper")
    assert (processed_by(house, by_rpc), signed(house, by_rpc)) == ("staff", ["staff", "staff"])


def test_the_kitchen_itself_is_called_so(house: Expedite) -> None:
    number = at_a_table(house)["order_number"]
    house.query(
        "insert into order_status_log (order_id, sequence, status, changed_by, changed_at)"
        " select id, 2, 'failed', 'kitchen', now() from orders where number = %s",
        number,
    )
    assert signed(house, number) == ["customer", "kitchen"]


@pytest.mark.parametrize("name", [WORKER, "Chef_Mario", "chef_mario'", "customer service"])
def test_a_person_with_a_workers_name_is_taken_for_the_worker_and_any_other_is_staff(
    house: Expedite, name: str
) -> None:
    who = register(house, "emma", "employee")
    house.query("update users set username = %s where id = %s", name, who.id)
    number = at_a_table(house)["order_number"]
    moved(house, number, who, "start", "ready", "complete")
    shown = WORKER if name == WORKER else "staff"
    assert processed_by(house, number) == shown
    # No worker completes an order, so there it is staff.
    assert signed(house, number) == ["customer", shown, shown, "staff"]
