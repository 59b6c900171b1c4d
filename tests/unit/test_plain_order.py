"""The quick reading of plain orders says what the schema says, or nothing."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.orders.allergens import ALLERGENS
from order_service.orders import order_form, plain_order
from tests.support.expedite import an_order

LINES = st.one_of(
    st.text("abcXYZ '-é’0 \t\n", max_size=12),
    st.text("ab", min_size=48, max_size=52),
    st.sampled_from(
        ["12 Harbour Street", " 12 Harbour Street", "a" * 9, "a" * 10, "x" * 100, "x" * 101, "x" * 501]
    ),
)
ODD = st.sampled_from([None, True, False, 0, 1, 3.0, "", "1", [], {}, Decimal("3"), Decimal("NaN"), Decimal("-0")])
PRICES = st.one_of(st.decimals("-1", "1001", places=2), st.decimals("0", "1000"), ODD)
ITEMS = st.fixed_dictionaries(
    {"name": st.one_of(LINES, ODD), "quantity": st.one_of(st.integers(-1, 12), ODD), "price": PRICES},
    optional={"extra": ODD, "note": st.one_of(LINES, st.text("ab", min_size=138, max_size=142), ODD)},
)
ALLERGIES = st.lists(st.one_of(st.sampled_from([*ALLERGENS, "cats"]), ODD), max_size=16)
ORDERS = st.fixed_dictionaries(
    {
        "customer_name": st.one_of(LINES, ODD),
        "order_type": st.one_of(st.sampled_from(["dine_in", "takeout", "delivery", "other"]), ODD),
        "items": st.one_of(st.lists(st.one_of(ITEMS, ODD), max_size=3), ODD),
    },
    optional={
        "table_number": st.one_of(st.integers(-1, 102), ODD),
        "delivery_address": st.one_of(LINES, ODD),
        "allergies": st.one_of(ALLERGIES, ODD),
        "extra": ODD,
    },
)
PLAIN: list[dict[str, Any]] = [
    an_order(items=[{"name": "Tea", "quantity": 10, "price": Decimal(price)}], **changes)
    for price in ("0.01", "999.99", "3", "2.5", "2.500")
    for changes in (
        {},
        {"customer_name": "x" * 100},
        {"order_type": "dine_in", "table_number": 100},
        {"order_type": "delivery", "delivery_address": "12 Harbour"},
        {"order_type": "delivery", "delivery_address": "x" * 500},
        {"allergies": ["nuts", "eggs", "nuts"]},
        {"order_type": "dine_in", "table_number": 1, "allergies": [*ALLERGENS]},
    )
]
PLAIN += [
    an_order(items=[{"name": "Tea", "quantity": 1, "price": Decimal("2.50"), "note": note}])
    for note in ("x", "no sugar, please", "~" * 140)
]


@given(ORDERS)
def test_it_never_says_anything_else(body: dict[str, Any]) -> None:
    read = plain_order.read(body)
    assert read is None or read == order_form.ORDER.load(body)


def test_plain_orders_are_read() -> None:
    for body in PLAIN:
        read = plain_order.read(body)
        assert read is not None
        assert read == order_form.ORDER.load(body)
        assert [str(item["price"]) for item in read["items"]] == [
            str(item["price"]) for item in order_form.ORDER.load(body)["items"]
        ]


def tea(**changes: Any) -> dict[str, Any]:
    return an_order(items=[{"name": "Tea", "quantity": 1, "price": Decimal("2.50"), **changes}])


def order(**changes: Any) -> dict[str, Any]:
    return tea() | an_order(**changes, items=None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        order(customer_name="x" * 101),
        order(customer_name="'-'"),
        order(customer_name="Ada "),
        order(customer_name="Zoë"),
        order(order_type="other"),
        order(order_type="dine_in"),
        order(order_type="dine_in", table_number=0),
        order(order_type="dine_in", table_number=101),
        order(order_type="dine_in", table_number=True),
        order(table_number=5),
        order(order_type="delivery", delivery_address="123456789"),
        order(order_type="delivery", delivery_address="x" * 501),
        order(extra=1),
        an_order(items=[]),
        an_order(items=tea()["items"] * 21),
        *(tea(price=Decimal(price)) for price in ("0", "0.001", "0.011", "1000", "NaN", "sNaN", "Infinity", "-1")),
        *(tea(quantity=quantity) for quantity in (0, 11, True, Decimal(1))),
        *(tea(name=name) for name in ("", " Tea", "x" * 51, "T\tea", "Thé")),
        tea(extra=1),
        *(tea(note=note) for note in (None, "", " ", " x", "x ", "x" * 141, "é", "a\tb", "a\nb", "a\n", 7, ["x"])),
        *({**order(), "allergies": given} for given in (None, [], "nuts", ["cats"], [[]], [None], ["nuts"] * 15)),
    ],
    ids=str,
)
def test_about_anything_else_it_says_nothing(body: dict[str, Any]) -> None:
    assert plain_order.read(body) is None


def test_but_for_that_they_would_be_plain() -> None:
    assert plain_order.read(order())
    assert plain_order.read(order(order_type="dine_in", table_number=100))
