"""A customer registers and orders off the menu, and the bar's staff take it to them."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.customers import ordering
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tests.support.people import NO_LIMITS, get, post, register, request, sign_in


@pytest.fixture
def bar(expedite: Expedite) -> Expedite:
    """An Expedite with the starter menu and limits as they come."""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "order_service.menu.starter"],
        cwd=ROOT,
        env=expedite.environment(),
        capture_output=True,
        timeout=90,
        check=True,
    )
    return expedite


def test_a_margarita_from_registration_to_completed(bar: Expedite) -> None:
    bar.start("order_service", **NO_LIMITS)
    bar.start("tracking_service")
    notifier = bar.start("notifier_service")
    bar.start_worker("bar", COOKING="staffed", ORDER_TYPES="dine_in")
    ada, emma = register(bar, "ada"), register(bar, "emma", "employee")

    placed = post(bar, "/orders", {"recipe": "Margarita", "table_number": 7}, ada)
    assert placed.status_code == 201
    number = placed.json()["order_number"]
    [waiting] = eventually(lambda: get(bar, "/orders", emma, status="received", station="bar").json()["items"])
    assert waiting["order_number"] == number
    assert waiting["items"] == [{"name": "Margarita", "quantity": 1, "price": 11.5, "note": None}]

    for step, status in (
        ("start", "cooking"),
        ("ready", "ready"),
        ("recall", "cooking"),
        ("ready", "ready"),
        ("complete", "completed"),
    ):
        assert post(bar, f"/orders/{number}/{step}", None, ada).status_code == 403
        for _ in range(2):  # a finger that slips changes nothing
            moved = post(bar, f"/orders/{number}/{step}", None, emma)
            assert (moved.status_code, moved.json()["status"]) == (200, status)

    history = bar.track(f"/orders/{number}/history")
    assert [(each["status"], each["changed_by"]) for each in history] == [
        ("received", "customer"),
        ("cooking", "staff"),
        ("ready", "staff"),
        ("cooking", "staff"),
        ("ready", "staff"),
        ("completed", "staff"),
    ]
    assert bar.track(f"/orders/{number}/status")["processed_by"] == "staff"
    in_full = get(bar, f"/orders/{number}", emma).json()
    assert (in_full["status"], in_full["processed_by"]) == ("completed", emma.username)
    last = f"Notification for order {number}: Status changed from 'ready' to 'completed' by {emma.username}."
    eventually(lambda: last in notifier.printed())


def test_staff_are_told_what_is_possible(bar: Expedite) -> None:
    bar.start("order_service", **NO_LIMITS)
    emma = register(bar, "emma", "employee")
    number = bar.place_number()
    for step, allowed in (
        ("ready", ["cooking", "cancelled", "failed"]),
        ("recall", ["cooking", "cancelled", "failed"]),
        ("dispatch", ["cooking", "cancelled", "failed"]),
    ):
        answer = post(bar, f"/orders/{number}/{step}", None, emma)
        assert answer.status_code == 409
        assert (answer.json()["current_status"], answer.json()["allowed"]) == ("received", allowed)
    for step in ("start", "ready"):
        assert post(bar, f"/orders/{number}/{step}", None, emma).status_code == 200
    assert post(bar, f"/orders/{number}/start", None, emma).status_code == 409  # that would be a recall
    bar.query("update orders set completed_at = now() - interval '11 minutes'")
    assert post(bar, f"/orders/{number}/recall", None, emma).status_code == 409
    assert bar.history(number) == ["received", "cooking", "ready"]


def test_two_of_the_staff_do_not_both_have_an_order(bar: Expedite) -> None:
    bar.start("order_service", **NO_LIMITS)
    emma, anna = register(bar, "emma", "employee"), register(bar, "anna", "admin")
    number = bar.place_number()
    with ThreadPoolExecutor(2) as pool:
        started = list(pool.map(lambda who: post(bar, f"/orders/{number}/start", None, who), (emma, anna)))
    assert sorted(answer.status_code for answer in started) == [200, 409]
    [(has_it,)] = bar.query("select processed_by from orders")
    [refused] = [answer for answer in started if answer.status_code == 409]
    assert has_it in refused.json()["detail"]
    assert refused.json()["current_status"] == "cooking"


def test_an_order_that_cannot_be_made_fails_with_its_reason(bar: Expedite) -> None:
    bar.start("order_service", **NO_LIMITS)
    emma = register(bar, "emma", "employee")
    number = bar.place_number()
    failed = post(bar, f"/orders/{number}/fail", {"reason": "out of lettuce"}, emma)
    assert failed.json()["status"] == "failed"
    assert get(bar, f"/orders/{number}", emma).json()["reason"] == "out of lettuce"


def test_a_person_and_a_worker_do_not_both_have_an_order(bar: Expedite) -> None:
    bar.start("order_service", **NO_LIMITS)
    emma = register(bar, "emma", "employee")
    numbers = [bar.place_number() for _ in range(10)]
    with ThreadPoolExecutor(4) as pool:
        started = pool.map(lambda number: post(bar, f"/orders/{number}/start", None, emma).status_code, numbers)
        bar.start_worker("chef_mario")
        assert set(started) <= {200, 409}
    eventually(bar.is_settled)
    eventually(lambda: bar.query("select count(*) from orders where status = 'received'") == [(0,)])
    cooked = bar.cooked()
    assert len(cooked) == len(set(cooked)) == 10


def test_ordering_goes_on_while_sign_in_is_attacked(bar: Expedite) -> None:
    bar.start("order_service", **NO_LIMITS)
    ada = register(bar)

    def attack(position: int) -> int:
        return sign_in(bar, f"{position}@example.com", "wrong password").status_code

    with ordering(bar.url("order_service"), customers=4) as answers, ThreadPoolExecutor(50) as pool:
        attacked = list(pool.map(attack, range(200)))
    assert set(attacked) <= {401, 429, 503}
    assert {answer.status_code for answer in answers} == {201}
    assert sign_in(bar, ada.email).status_code == 200
    assert request(bar, "GET", "/orders", who=ada).status_code == 200
    assert requests.get(f"{bar.url('order_service')}/health/ready", timeout=5).status_code == 200
