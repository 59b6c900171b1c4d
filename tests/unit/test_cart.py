"""The cart of the order page, as its form says it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_service.menu.catalogue import Catalogue, Dish, tag
from order_service.orders import cart as carts
from order_service.orders.cart import Cart

PIZZA = Dish("Pizza", Decimal("15.99"), 10, True)
CAKE = Dish("Cake", Decimal("7.50"), None, False)
MENU = {tag(dish.name): dish for dish in (PIZZA, CAKE)}
PIZZAS, CAKES, PIES = tag("Pizza"), tag("Cake"), tag("Pie")


def sent(**fields: str) -> Cart:
    return carts.sent(fields, MENU)


def test_a_tag_is_the_names_however_it_is_written_and_fits_into_a_field() -> None:
    assert tag("Margherita Pizza") == tag("margherita  pizza")
    assert tag("Pizza") != tag("Pizza ²")
    tags = {tag(f"Dish {number}") for number in range(1000)}
    assert len(tags) == 1000
    assert all(len(each) == 8 and each.isascii() and each == each.lower() for each in tags)


def test_what_is_chosen_comes_in_the_menus_order_with_the_price_that_was_seen() -> None:
    cart = sent(**{f"q{CAKES}": "1", f"q{PIZZAS}": "2", f"p{PIZZAS}": "12.00", f"n{PIZZAS}": " no\r\n basil "})
    pizza, cake = cart.lines
    assert (pizza.tag, pizza.quantity, pizza.seen, pizza.note) == (PIZZAS, 2, Decimal("12.00"), "no basil")
    assert cake.seen == CAKE.price


def test_a_lines_state_is_what_has_changed_since() -> None:
    cart = sent(
        **{f"q{PIZZAS}": "1", f"p{PIZZAS}": "12.00", f"q{CAKES}": "1", f"q{PIES}": "1", f"p{PIES}": "4.00"}
    )
    assert {line.tag: line.state for line in cart.lines} == {PIZZAS: "changed", CAKES: "sold-out", PIES: "gone"}
    assert (cart.total, cart.pieces, cart.leaves_out) == (Decimal("15.99"), 1, True)
    cart.accept(PIZZAS)
    cart.remove(CAKES)
    cart.remove(PIES)
    assert [(line.state, line.seen) for line in cart.lines] == [("", PIZZA.price)]
    assert not cart.leaves_out


def test_dishes_that_no_menu_has_are_bounded_and_those_that_it_has_stay() -> None:
    made_up = {f"q{tag(f'Nothing {number}')}": "1" for number in range(3000)}
    cart = sent(**made_up, **{f"q{CAKES}": "1", f"q{PIZZAS}": "1"})
    assert [line.tag for line in cart.lines[:2]] == [PIZZAS, CAKES]
    assert len(cart.lines) == len(MENU) + carts.MAX_GONE


@pytest.mark.parametrize("quantity", ["11", "-1", "two", "1.5", "1e3", "٣", "99999999999"])
def test_a_quantity_that_is_none_is_kept_to_be_refused_and_counts_nothing(quantity: str) -> None:
    cart = sent(**{f"q{PIZZAS}": quantity})
    assert str(cart.lines[0].as_item()["quantity"]) == quantity
    assert (cart.total, cart.pieces, cart.items()) == (0, 0, [])


@pytest.mark.parametrize("nothing", ["", "0", "  "])
def test_none_of_a_dish_is_no_line(nothing: str) -> None:
    assert sent(**{f"q{PIZZAS}": nothing}).lines == []


@pytest.mark.parametrize("price", ["", "12", "12.0", "1e1", "-12.00", "NaN", "1234.00", " 12.00"])
def test_a_price_that_no_page_shows_is_not_the_one_that_was_seen(price: str) -> None:
    assert sent(**{f"q{PIZZAS}": "1", f"p{PIZZAS}": price}).lines[0].seen == PIZZA.price


def test_what_is_gone_is_ordered_so_that_it_is_refused() -> None:
    [line] = sent(**{f"q{PIES}": "1"}).lines
    assert line.as_item() == {"name": "/", "quantity": 1}
    assert Catalogue(MENU.values()).find("/") is None


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
def test_no_form_is_too_odd(form: dict[str, str]) -> None:
    for line in carts.sent(form, MENU).lines:
        assert set(line.as_item()) <= {"name", "quantity", "price", "note"}


def test_a_note_is_said_again_as_long_as_there_is_room() -> None:
    items = [
        {"name": "pizza", "quantity": 6, "note": "x" * 100},
        {"name": "Pizza", "quantity": 6, "note": "y" * 60},
    ]
    cart, sold_out, gone = carts.again([*items, {"name": "Cake"}, {"name": "Pie"}], Catalogue(MENU.values()))
    assert [(line.quantity, line.note, line.seen) for line in cart.lines] == [(10, "x" * 100, PIZZA.price)]
    assert (sold_out, gone) == (["Cake"], ["Pie"])
