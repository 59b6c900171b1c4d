"""Lists of orders: filters, sorting, and pages that neither skip nor repeat."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.expedite import Expedite, an_order
from tests.support.people import NO_LIMITS, Someone, get, post, register

TEA = {"name": "Tea", "quantity": 1}


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    for position in range(24):
        order_type = ("dine_in", "takeout", "delivery")[position % 3]
        where = {"dine_in": {"table_number": 1}, "delivery": {"delivery_address": "12 Harbour Street"}}
        running.place(
            customer_name=("Ada Lovelace", "Grace Hopper")[position % 2],
            order_type=order_type,
            allergies=["milk"],
            items=[
                {**TEA, "price": 10 + position % 5, "note": "no milk"},
                {**TEA, "name": "Cake", "price": 30 * (position % 4 + 1)},
            ],
            **where.get(order_type, {}),
        )
    running.query("update orders set status = 'cooking', processed_by = 'chef_mario' where id %% 4 = 0")
    running.query(
        "update orders set status = 'ready', accepted_by = 'bar', processed_by = 'anna' where id %% 4 = 1"
    )
    running.query("update orders set placed_at = placed_at - interval '3 days' where id %% 6 = 0")
    return running


@pytest.fixture(scope="module")
def emma(house: Expedite) -> Someone:
    return register(house, "emma", "employee")


def listed(house: Expedite, who: Someone, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    items: list[dict[str, Any]] = []
    while True:
        answer = get(house, "/orders", who, **query)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        query["cursor"] = answer.json()["next"]


def numbers(items: list[dict[str, Any]]) -> list[str]:
    return [item["order_number"] for item in items]


def test_staff_see_all_the_latest_first_with_what_they_need(house: Expedite, emma: Someone) -> None:
    items = listed(house, emma)
    assert numbers(items) == [row[0] for row in house.query("select number from orders order by id desc")]
    assert items[-1]["items"] == [
        {"name": "Tea", "quantity": 1, "price": 10, "note": "no milk"},
        {"name": "Cake", "quantity": 1, "price": 30, "note": None},
    ]
    assert set(items[0]) >= {"status", "customer_name", "order_type", "table_number", "priority", "placed_at"}
    assert items[-1]["allergies"] == ["milk"]
    assert items[0]["first_estimate"].endswith("Z")


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ({"status": "ready"}, "status = 'ready'"),
        ({"status": "ready,cooking"}, "status in ('ready', 'cooking')"),
        ({"type": "delivery"}, "order_type = 'delivery'"),
        ({"type": "delivery,dine_in", "status": "received"}, "order_type <> 'takeout' and status = 'received'"),
        ({"station": "bar"}, "accepted_by = 'bar'"),
        ({"station": "chef_mario"}, "processed_by = 'chef_mario'"),
        ({"station": "nobody"}, "false"),
        ({"customer": "ada lovelace"}, "customer_name = 'Ada Lovelace'"),
        ({"customer": "' or 1=1 --"}, "false"),
        ({"customer": "999"}, "customer_id = 999"),
        ({"to": "{yesterday}"}, "placed_at < now() - interval '1 day'"),
        ({"from": "{yesterday}"}, "placed_at >= now() - interval '1 day'"),
        ({"from": "2020-01-01", "to": "2021-01-01T00:00:00Z"}, "false"),
    ],
    ids=str,
)
@pytest.mark.parametrize("limit", [3, 100])
def test_filters(house: Expedite, emma: Someone, query: dict[str, str], condition: str, limit: int) -> None:
    [(yesterday,)] = house.query("select to_char(now() - interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    query = {name: value.replace("{yesterday}", yesterday) for name, value in query.items()}
    expected = house.query(f"select number from orders where {condition} order by id desc")
    assert numbers(listed(house, emma, limit=limit, **query)) == [row[0] for row in expected]


@pytest.mark.parametrize(
    ("sort", "by"),
    [
        ("placed_at", "id"),
        ("-placed_at", "id desc"),
        ("total_amount", "total_amount, id"),
        ("-total_amount", "total_amount desc, id desc"),
        ("priority", "priority, id"),
        ("-priority", "priority desc, id desc"),
    ],
)
@pytest.mark.parametrize("limit", [1, 5, 100])
def test_sorting(house: Expedite, emma: Someone, sort: str, by: str, limit: int) -> None:
    expected = [row[0] for row in house.query(f"select number from orders order by {by}")]
    assert numbers(listed(house, emma, sort=sort, limit=limit)) == expected


@pytest.mark.parametrize("sort", ["placed_at", "-placed_at", "total_amount", "-total_amount", "-priority"])
def test_pages_neither_skip_nor_repeat_while_orders_arrive(expedite: Expedite, sort: str) -> None:
    expedite.start("order_service", **NO_LIMITS)
    emma = register(expedite, "emma", "employee")
    placed = [expedite.place_number(items=[{**TEA, "price": 1 + n % 7}]) for n in range(12)]
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    with ThreadPoolExecutor(4) as pool:
        while True:
            arriving = [
                pool.submit(expedite.place, items=[{**TEA, "price": 3}]) for _ in range(4 if len(pages) < 5 else 0)
            ]
            page = get(expedite, "/orders", emma, sort=sort, limit=4, **cursor).json()
            pages.append(numbers(page["items"]))
            for each in arriving:
                each.result()
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
    seen = [number for page in pages for number in page]
    assert len(seen) == len(set(seen))
    assert set(placed) <= set(seen)
    if sort == "placed_at":
        every = [row[0] for row in expedite.query("select number from orders order by id")]
        assert seen == every[: len(seen)]


def test_a_customer_sees_their_own_only(house: Expedite) -> None:
    ada, otto = register(house), register(house, "otto")
    mine = [post(house, "/orders", an_order(), ada).json()["order_number"] for _ in range(3)]
    assert numbers(listed(house, ada, limit=2)) == mine[::-1]
    assert listed(house, otto) == []
    for query in ({"customer": str(ada.id)}, {"customer": "Ada Lovelace"}):
        assert get(house, "/orders", otto, **query).status_code == 422
    of_ada = [
        numbers(listed(house, register(house, "anna", "admin"), customer=str(each)))
        for each in (ada.id, ada.email)
    ]
    assert of_ada == [mine[::-1]] * 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"sort": "customer_name"}, "sort"),
        ({"sort": "--priority"}, "sort"),
        ({"sort": ""}, "sort"),
        ({"status": "eaten"}, "status"),
        ({"status": ""}, "status"),
        ({"type": "dine_in,"}, "type"),
        ({"station": ""}, "station"),
        ({"station": "a\x00b"}, "station"),
        ({"customer": "x" * 255}, "customer"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-13-01"}, "from"),
        ({"to": "0001-01-01T00:00:00+14:00"}, "to"),
        ({"colour": "red"}, "colour"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "W10"}, "cursor"),
        ({"cursor": "eyJpZCI6MX0"}, "cursor"),
    ],
    ids=str,
)
def test_what_is_no_list_is_refused(house: Expedite, emma: Someone, query: dict[str, str], field: str) -> None:
    answer = get(house, "/orders", emma, **query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_cursor_belongs_to_its_sort_and_cannot_be_bent(house: Expedite, emma: Someone) -> None:
    import base64
    import json

    cursor = get(house, "/orders", emma, sort="-total_amount", limit=2).json()["next"]
    place = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    bends: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
        lambda place: {**place, "sort": "total_amount"},
        lambda place: {**place, "value": "NaN"},
        lambda place: {**place, "value": "1e999"},
        lambda place: {**place, "value": "1E-20000"},
        lambda place: {**place, "value": "x'; drop table orders; --"},
        lambda place: {**place, "id": 2**63},
        lambda place: {**place, "id": "1"},
        lambda place: {**place, "id": True},
        lambda place: {**place, "more": 1},
    ]
    for bend in bends:
        bent = base64.urlsafe_b64encode(json.dumps(bend(place)).encode()).decode()
        assert get(house, "/orders", emma, sort="-total_amount", limit=2, cursor=bent).status_code == 422
    assert get(house, "/orders", emma, sort="priority", cursor=cursor).status_code == 422


def test_by_rpc_it_is_the_same(house: Expedite, emma: Someone) -> None:
    by_http = get(house, "/orders", emma, limit=5, status="ready").json()
    with house.rpc() as rpc:
        assert rpc.order_service.list_orders({"limit": 5, "status": "ready", "cursor": None}) == by_http
        assert rpc.order_service.list_orders({"limit": 5, "status": "ready"}, {"user": emma.email}) == by_http
