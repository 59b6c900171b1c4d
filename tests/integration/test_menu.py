"""The menu, and ordering off it."""

import json
import os
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from common.errors import Invalid, NotFound
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, an_order
from tests.support.locks import held
from tests.support.people import NO_LIMITS, Someone, get, post, register, request

COCKTAILS = {
    "Old Fashioned": "stirred",
    "Martini": "stirred",
    "Daiquiri": "shaken",
    "Sidecar": "shaken",
    "Margarita": "shaken",
    "Tom Collins": "collins",
    "Clover Club": "sour",
}


def fill_menu(running: Expedite) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "order_service.menu.starter"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": running.database_url},
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    fill_menu(running)
    return running


@pytest.fixture
def emma(house: Expedite) -> Someone:
    return register(house, "emma", "employee")


@pytest.fixture
def ada(house: Expedite) -> Someone:
    return register(house)


def menu(house: Expedite) -> dict[str, dict[str, Any]]:
    return {dish["name"]: dish for dish in get(house, "/menu").json()["items"]}


def dish(**changes: Any) -> dict[str, Any]:
    return {"name": f"Dish {uuid.uuid4().hex[:8]}", "category": "special", "price": 12.5, **changes}


def order_of(house: Expedite, number: str) -> dict[str, Any]:
    [(name, kind, total, seconds, items)] = house.query(
        "select customer_name, order_type, total_amount, prep_seconds,"
        " (select jsonb_agg(jsonb_build_array(name, quantity, price::text) order by position)"
        "  from order_items where order_id = orders.id) from orders where number = %s",
        number,
    )
    return {"name": name, "type": kind, "total": total, "seconds": seconds, "items": items}


def test_the_starter_menu_is_a_pizzerias_and_a_bars(house: Expedite) -> None:
    dishes = menu(house)
    assert dishes["Margherita Pizza"]["price"] == 15.99
    assert dishes["Caesar Salad"]["price"] == 8.99
    seconds = {"stirred": 30, "shaken": 45, "collins": 15, "sour": 60}
    for name, build in COCKTAILS.items():
        cocktail = dishes[name]
        assert (cocktail["category"], cocktail["build"], cocktail["prep_seconds"]) == (
            "cocktail",
            build,
            seconds[build],
        )
        assert cocktail["available"] is True
        assert len(cocktail["ingredients"]) >= 3
        assert all(each["name"] and each["amount"] for each in cocktail["ingredients"])
    assert {"name": "tequila", "amount": "50 ml"} in dishes["Margarita"]["ingredients"]
    assert dishes["Clover Club"]["allergens"] == ["eggs"]
    assert set(dishes["Margarita"]) == {
        "name", "category", "price", "build", "ingredients", "allergens", "prep_seconds", "available", "url",
    }  # fmt: skip


def test_the_starter_menu_leaves_a_menu_alone(house: Expedite, emma: Someone) -> None:
    before = menu(house)
    changed = request(house, "PATCH", "/menu/Espresso", {"price": 3.1}, emma)
    assert changed.status_code == 200
    assert "already" in fill_menu(house)
    assert menu(house) == {**before, "Espresso": {**before["Espresso"], "price": 3.1}}


def test_staff_add_change_and_remove(house: Expedite, emma: Someone) -> None:
    new = dish(
        name=f"Crème brûlée {uuid.uuid4().hex[:6]}",
        build=None,
        prep_seconds=300,
        ingredients=[{"name": "cream", "amount": "120 ml"}],
        allergens=["milk", "eggs", "milk"],
    )
    added = post(house, "/menu", new, emma)
    assert added.status_code == 201
    path = added.headers["Location"]
    assert (
        menu(house)[new["name"]]
        == added.json()
        == {**new, "allergens": ["eggs", "milk"], "available": True, "url": path}
    )
    for changes in ({"price": 9.99}, {"available": False}, {"category": "dessert"}, {"prep_seconds": None}):
        assert request(house, "PATCH", path, changes, emma).status_code == 200
    shown = menu(house)[new["name"]]
    assert (shown["price"], shown["available"], shown["category"], shown["prep_seconds"]) == (
        9.99,
        False,
        "dessert",
        None,
    )
    assert request(house, "PATCH", path, {}, emma).json() == shown
    assert request(house, "DELETE", path, None, emma).json() == shown
    assert new["name"] not in menu(house)
    assert request(house, "DELETE", path, None, emma).status_code == 404
    assert request(house, "PATCH", path, {"price": 1}, emma).status_code == 404


def test_a_name_is_taken_however_it_is_written(house: Expedite, emma: Someone) -> None:
    again = post(house, "/menu", dish(name=" margherita  PIZZA "), emma)
    assert (again.status_code, again.json()["code"]) == (409, "taken")
    mine = dish()
    post(house, "/menu", mine, emma)
    renamed = request(house, "PATCH", f"/menu/{mine['name']}", {"name": "CAESAR SALAD"}, emma)
    assert renamed.status_code == 409
    assert mine["name"] in menu(house)


@pytest.mark.parametrize(
    "changes",
    [
        {"price": 0},
        {"price": 1e9},
        {"price": "free"},
        {"price": 1.999},
        {"price": None},
        {"price": True},
        {"name": ""},
        {"name": "x" * 51},
        {"name": "fish/chips"},
        {"name": ".."},
        {"name": "\u3164"},
        {"name": "a\nb"},
        {"category": ""},
        {"category": 7},
        {"build": "blended"},
        {"build": ["shaken"]},
        {"ingredients": "gin"},
        {"ingredients": None},
        {"ingredients": [{"name": "gin"}]},
        {"ingredients": [{"name": "gin", "amount": "a lot", "brand": "x"}]},
        {"ingredients": [{"name": "gin", "amount": "1 ml"}] * 31},
        {"allergens": ["cats"]},
        {"allergens": [[]]},
        {"prep_seconds": 0},
        {"prep_seconds": 3601},
        {"prep_seconds": "45"},
        {"available": "yes"},
        {"available": 1},
        {"available": None},
        {"name_key": "x"},
        {"id": 1},
    ],
    ids=str,
)
def test_what_is_no_dish_is_refused_new_or_changed(
    house: Expedite, emma: Someone, changes: dict[str, Any]
) -> None:
    before = menu(house)
    [field] = changes
    for answer in (
        post(house, "/menu", dish(**changes), emma),
        request(house, "PATCH", "/menu/Espresso", changes, emma),
    ):
        assert answer.status_code == 422
        assert [error["field"].partition("[")[0] for error in answer.json()["errors"]] == [field]
    assert menu(house) == before


def test_a_margarita_is_one_word(house: Expedite, ada: Someone) -> None:
    placed = post(house, "/orders", {"recipe": "margarita"}, ada)
    assert placed.status_code == 201
    assert placed.json()["total_amount"] == 11.5
    assert order_of(house, placed.json()["order_number"]) == {
        "name": ada.username,
        "type": "takeout",
        "total": Decimal("11.50"),
        "seconds": 45,
        "items": [["Margarita", 1, "11.50"]],
    }


@pytest.mark.parametrize(
    ("more", "order_type"),
    [
        ({"table_number": 4}, "dine_in"),
        ({"delivery_address": "12 Harbour Street"}, "delivery"),
        ({"quantity": 3, "order_type": "takeout"}, "takeout"),
        ({"order_type": "dine_in", "table_number": 4, "customer_name": "Zoë"}, "dine_in"),
    ],
)
def test_a_recipe_says_where_it_goes(house: Expedite, ada: Someone, more: dict[str, Any], order_type: str) -> None:
    placed = post(house, "/orders", {"recipe": "Martini", **more}, ada)
    assert placed.status_code == 201
    order = order_of(house, placed.json()["order_number"])
    assert order["type"] == order_type
    assert order["name"] == more.get("customer_name", ada.username)
    assert order["items"] == [["Martini", more.get("quantity", 1), "12.00"]]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"recipe": "Molotov"}, ["recipe"]),
        ({"recipe": ""}, ["recipe"]),
        ({"recipe": 7}, ["recipe"]),
        ({"recipe": None}, ["recipe"]),
        ({"recipe": {"name": "Margarita"}}, ["recipe"]),
        ({"recipe": "Margarita", "quantity": 0}, ["quantity"]),
        ({"recipe": "Margarita", "items": []}, ["recipe"]),
        ({"recipe": "Margarita", "order_type": "dine_in"}, ["table_number"]),
        ({"recipe": "Margarita", "customer_name": "R2-D2"}, ["customer_name"]),
        ({"recipe": "Margarita", "notification_email": "a@b\nBcc: x@y.z"}, ["notification_email"]),
        ({"recipe": "Margarita", "price": 1}, ["price"]),
    ],
    ids=str,
)
def test_a_recipe_that_is_none_is_refused(
    house: Expedite, ada: Someone, body: dict[str, Any], fields: list[str]
) -> None:
    answer = post(house, "/orders", body, ada)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == fields


def test_a_guest_signs_in_to_order_by_recipe(house: Expedite) -> None:
    assert post(house, "/orders", {"recipe": "Margarita"}).status_code == 401


def test_several_by_name_at_the_menus_prices_and_the_longest_build(house: Expedite, ada: Someone) -> None:
    items = [
        {"name": "daiquiri", "quantity": 2},
        {"name": "Clover Club", "quantity": 1, "price": 12.5},
        {"name": "Bread", "quantity": 1, "price": 2},
    ]
    for who, body in ((ada, {"order_type": "takeout", "items": items}), (None, an_order(items=items))):
        placed = post(house, "/orders", body, who)
        assert placed.status_code == 201, placed.text
        order = order_of(house, placed.json()["order_number"])
        assert order["items"] == [["Daiquiri", 2, "11.00"], ["Clover Club", 1, "12.50"], ["Bread", 1, "2.00"]]
        assert (order["total"], order["seconds"]) == (Decimal("36.50"), 60)


def test_an_order_keeps_the_price_that_it_was_placed_at(house: Expedite, emma: Someone) -> None:
    mine = dish(price=10)
    path = post(house, "/menu", mine, emma).json()["url"]
    items = [{"name": mine["name"], "quantity": 1}]
    first = post(house, "/orders", an_order(items=items)).json()
    assert request(house, "PATCH", path, {"price": 20}, emma).status_code == 200
    second = post(house, "/orders", an_order(items=items)).json()
    assert (first["total_amount"], second["total_amount"]) == (10, 20)
    assert order_of(house, first["order_number"])["items"] == [[mine["name"], 1, "10.00"]]
    request(house, "DELETE", path, None, emma)
    assert post(house, "/orders", an_order(items=items)).status_code == 422
    assert order_of(house, second["order_number"])["items"] == [[mine["name"], 1, "20.00"]]


def test_another_price_than_the_menus_is_refused_with_the_price(house: Expedite) -> None:
    items = [
        {"name": "MARGHERITA\u200d pizza\ufe0f", "quantity": 1, "price": 0.01},
        {"name": "Espresso", "quantity": 1, "price": 1},
    ]
    answer = post(house, "/orders", an_order(items=items))
    assert (answer.status_code, answer.json()["code"]) == (422, "price_changed")
    assert [error["field"] for error in answer.json()["errors"]] == ["items[0].price", "items[1].price"]
    assert "15.99" in answer.json()["errors"][0]["message"]


def test_what_is_sold_out_is_refused_all_at_once_until_it_is_back(house: Expedite, emma: Someone) -> None:
    sold = [dish(), dish()]
    paths = [post(house, "/menu", each, emma).json()["url"] for each in sold]
    names = [{"name": each["name"], "quantity": 1} for each in sold]
    body = an_order(
        items=[names[0], {"name": "Espresso", "quantity": 1}, names[1], {"name": "Soap", "quantity": 0}]
    )
    for path in paths:
        assert request(house, "PATCH", path, {"available": False}, emma).status_code == 200
    answer = post(house, "/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "sold_out")
    assert {error["field"] for error in answer.json()["errors"]} == {
        "items[0].name",
        "items[2].name",
        "items[3].quantity",
        "items[3].price",
    }
    for path in paths:
        request(house, "PATCH", path, {"available": True}, emma)
    assert post(house, "/orders", an_order(items=names)).status_code == 201


def test_without_open_items_only_the_menu_is_sold(house: Expedite) -> None:
    strict = house.start("order_service", **NO_LIMITS, OPEN_ITEMS="false", GUEST_ORDERS="true")
    house.place(at=strict, items=[{"name": "Espresso", "quantity": 2}])
    import requests

    body = an_order(items=[{"name": "Soap", "quantity": 1, "price": 1}])
    answer = requests.post(f"{strict.url}/orders", json=body, timeout=5)
    assert [error["field"] for error in answer.json()["errors"]] == ["items[0].name"]


def test_where_guests_may_not_order_they_sign_in(house: Expedite, ada: Someone) -> None:
    import requests

    closed = house.start("order_service", **NO_LIMITS, GUEST_ORDERS="false")
    url = f"{closed.url}/orders"
    assert requests.post(url, json=an_order(), timeout=5).status_code == 401
    assert requests.post(url, json=an_order(), headers=ada.headers, timeout=5).status_code == 201


def test_a_repeated_order_gets_its_first_answer_whatever_the_menu_says_by_then(
    house: Expedite, emma: Someone, ada: Someone
) -> None:
    mine = dish()
    path = post(house, "/menu", mine, emma).json()["url"]
    body = {"recipe": mine["name"]}

    def order(who: Someone) -> Any:
        import requests

        headers = {**who.headers, "Idempotency-Key": mine["name"]}
        return requests.post(f"{house.url('order_service')}/orders", json=body, headers=headers, timeout=5)

    first = order(ada)
    request(house, "PATCH", path, {"price": 99, "available": False}, emma)
    assert order(ada).json() == first.json()
    request(house, "PATCH", path, {"available": True}, emma)
    others = order(register(house, "otto"))  # the same key, and none of their business
    assert others.status_code == 201
    assert others.json()["order_number"] != first.json()["order_number"]


def test_the_menus_changes_reach_the_other_process_within_a_second(house: Expedite, emma: Someone) -> None:
    other = house.start("order_service", **NO_LIMITS)
    mine = dish()
    path = post(house, "/menu", mine, emma).json()["url"]
    import requests

    def status() -> int:
        body = an_order(items=[{"name": mine["name"], "quantity": 1}])
        return requests.post(f"{other.url}/orders", json=body, timeout=5).status_code

    eventually(lambda: status() == 201)
    request(house, "PATCH", path, {"available": False}, emma)
    eventually(lambda: status() == 422)


def test_a_recipes_time_counts_in_the_ticket_and_in_the_estimate(house: Expedite, ada: Someone) -> None:
    placed = post(house, "/orders", {"recipe": "Clover Club"}, ada).json()
    [(body, seconds)] = house.query(
        "select body::text, extract(epoch from (select %s::timestamptz - placed_at from orders where number = %s))"
        " from outbox where body ->> 'order_number' = %s union all"
        " select null, extract(epoch from (select %s::timestamptz - placed_at from orders where number = %s))"
        " limit 1",
        placed["estimated_completion"], placed["order_number"], placed["order_number"],
        placed["estimated_completion"], placed["order_number"],
    )  # fmt: skip
    assert seconds >= 59
    if body is not None:
        assert json.loads(body)["prep_seconds"] == 60


def test_orders_that_come_at_once_after_a_pause_see_the_menu_of_now(house: Expedite, emma: Someone) -> None:
    mine = dish()
    post(house, "/menu", mine, emma)
    body = an_order(items=[{"name": mine["name"], "quantity": 1}])
    assert post(house, "/orders", body).status_code == 201
    house.query(
        "update menu_items set available = false where name = %s", mine["name"]
    )  # as another process would
    until = time.monotonic() + 2.5  # no look is used any longer
    eventually(lambda: time.monotonic() > until)
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: post(house, "/orders", body).status_code, range(20))) == {422}


def test_a_look_that_cannot_be_had_fails_for_all_who_wait_at_once(expedite: Expedite) -> None:
    process = expedite.start("order_service", **NO_LIMITS)
    locked = held(expedite, "lock table menu_items in access exclusive mode")
    with locked, ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(expedite, "/orders", an_order()).status_code, range(6)))
        assert set(answers) == {503}
        eventually(lambda: process.actions("db_query_failed"))
        assert len(process.actions("db_query_failed")) == 1  # not six, one after the other
    eventually(lambda: expedite.place(at=process))


@pytest.mark.parametrize("name", ["a%00b", "%ED%A0%80", "x" * 300])
def test_a_name_that_no_dish_can_have_is_not_found(house: Expedite, emma: Someone, name: str) -> None:
    for method in ("PATCH", "DELETE"):
        assert request(house, method, f"/menu/{name}", {"price": 1}, emma).status_code == 404
    with house.rpc() as rpc:
        for strange in ("\x00", "\ud800", 7, None, ["a"], {"a": 1}):
            with pytest.raises((NotFound, Invalid)):
                rpc.order_service.remove_dish(strange)


def test_the_menu_has_an_end(expedite: Expedite) -> None:
    expedite.start("order_service", **NO_LIMITS)
    emma = register(expedite, "emma", "employee")
    expedite.query(
        "insert into menu_items (name, name_key, category, price, ingredients, allergens)"
        " select 'Dish ' || n, 'dish ' || n, 'many', 1, '[]', '{}' from generate_series(1, 1000) n"
    )
    assert len(get(expedite, "/menu").json()["items"]) == 1000
    assert post(expedite, "/menu", dish(), emma).status_code == 409
