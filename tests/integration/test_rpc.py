"""By RPC as by HTTP: the same rules, the same refusals, and nothing of what went wrong inside."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, an_order

# nameko's standalone proxy wants a process of its own: eventlet and pytest's threads do not go together.
_CALLS = """
import json, sys
from nameko.standalone.rpc import ClusterRpcProxy
from common import codec, errors
calls = json.load(sys.stdin)
answers = []
with ClusterRpcProxy({"AMQP_URI": calls["uri"]}, timeout=15) as n:
    for service, method, args in calls["calls"]:
        try:
            answers.append({"result": getattr(getattr(n, service), method)(*args)})
        except Exception as exc:
            problem = exc.problem(None) if isinstance(exc, errors.Refusal) else None
            answers.append({"raised": type(exc).__name__, "text": str(exc), "problem": problem})
print(codec.dumps(answers).decode())
"""

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service")
    running.start("kitchen_service", wait=False, ORDER_TYPES="dine_in", COOKING_SPEED=0).wait_ready()
    return running


@pytest.fixture
def call(house: Expedite) -> Call:
    """Calls methods one after another; each call is (service, method, *arguments)."""

    def call(*calls: tuple[Any, ...]) -> list[dict[str, Any]]:
        wanted = {"uri": house.amqp_uri, "calls": [(service, method, args) for service, method, *args in calls]}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _CALLS],
            input=json.dumps(wanted),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    return call


def problems(answers: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(answer["problem"]["status"], answer["problem"]["code"]) for answer in answers]


def test_an_order_is_placed_read_and_cancelled(house: Expedite, call: Call) -> None:
    [placed] = call(("order_service", "place_order", an_order()))
    number = placed["result"]["order_number"]
    assert (placed["result"]["status"], placed["result"]["total_amount"]) == ("received", 15.99)
    read, status, history, cancelled = call(
        ("order_service", "get_order", number),
        ("order_service", "get_status", number),
        ("order_service", "get_history", number),
        ("order_service", "cancel_order", number, {"reason": "closing early"}),
    )
    assert read["result"]["customer_name"] == "Ada Lovelace"
    assert read["result"]["items"] == [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99, "note": None}]
    assert status["result"]["current_status"] == "received"
    assert [(step["status"], step["changed_by"]) for step in history["result"]] == [("received", "staff")]
    assert cancelled["result"]["status"] == "cancelled"
    assert house.history(number) == ["received", "cancelled"]


def test_refusals_arrive_as_they_are(house: Expedite, call: Call) -> None:
    number = house.place()["order_number"]
    bad = {**an_order(items=[{"name": "", "quantity": True, "price": "9"}]), "tip": 5}
    refused = call(
        ("order_service", "place_order", bad),
        ("order_service", "get_order", "ORD_20200101_001"),
        ("order_service", "cancel_order", number, None, {"key": "wrong"}),
        ("kitchen_service", "move_order", number, "completed", "Maria"),
        ("kitchen_service", "move_order", number, "burnt", "Maria"),
        ("kitchen_service", "move_order", number, "cooking", ""),
    )
    assert [answer["raised"] for answer in refused] == [
        "Invalid",
        "NotFound",
        "NotFound",
        "IllegalMove",
        "Invalid",
        "Invalid",
    ]
    assert problems(refused)[:4] == [
        (422, "validation_failed"),
        (404, "not_found"),
        (404, "not_found"),
        (409, "illegal_move"),
    ]
    fields = {error["field"] for error in refused[0]["problem"]["errors"]}
    assert fields == {"items[0].name", "items[0].quantity", "items[0].price", "tip"}
    assert refused[3]["problem"]["current_status"] == "received"
    assert refused[3]["problem"]["allowed"] == ["cooking", "cancelled", "failed"]
    assert house.history(number) == ["received"]


def test_a_persons_data_is_for_admins_and_operators(house: Expedite, call: Call) -> None:
    rows = house.query(
        "insert into users (email, username, username_key, password_hash, role)"
        " select role || '@example.com', role, role, 'x', role"
        " from unnest(array['admin', 'employee', 'customer']) role returning id"
    )
    admin, employee, customer = ({"user": row[0]} for row in rows)
    for method, whose in (("export_person", "admin@example.com"), ("erase_person", "nobody@example.com")):
        callers = (None, admin, employee, customer, {"key": "x"})
        answers = call(*(("order_service", method, whose, caller) for caller in callers))
        assert ["result" in answer for answer in answers] == [True, True, False, False, False]
        assert problems(answers[2:]) == [(403, "forbidden"), (403, "forbidden"), (401, "unauthorized")]


@pytest.mark.parametrize(
    "number", [None, 5, True, ["ORD"], {"a": 1}, "", "x" * 9000, "ORD_20200101_001\x00", "\ud800"]
)
def test_a_number_that_is_none_is_not_found(call: Call, number: Any) -> None:
    answers = call(
        ("order_service", "get_order", number),
        ("order_service", "get_order", number, {"key": "x"}),
        ("order_service", "get_status", number),
        ("order_service", "get_history", number),
        ("order_service", "cancel_order", number),
        ("kitchen_service", "move_order", number, "cooking", "Maria"),
    )
    assert [answer["raised"] for answer in answers] == ["NotFound"] * 6


def test_a_reason_keeps_the_same_rules_everywhere(house: Expedite, call: Call) -> None:
    number = house.place()["order_number"]
    for reason in ("", "x" * 501, "a\x00b", 5, {"a": 1}):
        answers = call(
            ("order_service", "cancel_order", number, {"reason": reason}),
            ("kitchen_service", "move_order", number, "cancelled", "Maria", reason),
        )
        assert [answer["raised"] for answer in answers] == ["Invalid", "Invalid"], reason
    assert house.history(number) == ["received"]


def test_of_a_fault_the_caller_learns_only_that_it_happened(house: Expedite, call: Call) -> None:
    number = house.place()["order_number"]
    house.query("alter table order_items rename column price to hidden_column")
    try:
        [answer] = call(("order_service", "get_order", number))
    finally:
        house.query("alter table order_items rename column hidden_column to price")
    assert answer["raised"] == "Broken"
    assert answer["problem"]["status"] == 500
    assert not [word for word in ("price", "column", "select", "psycopg2", "sqlalchemy") if word in answer["text"]]
    request_id = answer["problem"]["detail"].rpartition(" ")[2].rstrip(".")
    logged = eventually(
        lambda: [line for line in house.processes[0].actions("request_failed") if line["request_id"] == request_id]
    )
    assert "column" in logged[0]["error"]["stack"]


def test_nameko_shell_can_do_it_too(house: Expedite) -> None:
    order = json.dumps(an_order(items=[{"name": "Pizza", "quantity": 2, "price": 12.5}]))
    script = (
        f"placed = n.rpc.order_service.place_order({order})\n"
        "print('PLACED', placed['order_number'], placed['total_amount'])\n"
        "print('STATUS', n.rpc.order_service.get_status(placed['order_number'])['current_status'])\n"
        "print('WORKERS', [w['worker_name'] for w in n.rpc.kitchen_service.list_workers()])\n"
    )
    done = subprocess.run(
        [Path(sys.executable).parent / "nameko", "shell", "--config", "config.yml", "--interface", "plain"],
        input=script,
        cwd=ROOT,
        env=house.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "PLACED ORD_" in said, said
    assert " 25.0" in said
    assert "STATUS received" in said
    assert "WORKERS ['chef_mario']" in said
