"""What an order may look like, field by field."""

import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import codec
from common.errors import Invalid
from common.orders.allergens import ALLERGENS
from order_service.menu.catalogue import Catalogue, Dish
from order_service.orders.order_form import Draft, Item, OrderRequest
from tests.support import forms as order_form
from tests.support.expedite import PIZZA, an_order

ADDRESS = "12 Harbour Street"
HUGE = 10**400
NEGRONI = Catalogue([Dish("Negroni", Decimal("12.00"), 30, True)])


def broken(body: Any, **options: Any) -> dict[str, str]:
    """The refused fields of `body`, with their messages."""
    with pytest.raises(Invalid) as refusal:
        order_form.read(body, **options)
    errors = refusal.value.extra["errors"]
    assert all(set(error) == {"field", "message"} and error["message"] for error in errors)
    return {error["field"]: error["message"] for error in errors}


def with_item(**changes: Any) -> dict[str, Any]:
    return an_order(items=[PIZZA, {**PIZZA, **changes}])


def test_an_order_is_read_as_it_was_sent() -> None:
    body = codec.loads(
        '{"customer_name": "Ada Lovelace", "order_type": "takeout", "items":'
        ' [{"name": "Pizza", "quantity": 2, "price": 15.99}, {"name": "Salad", "quantity": 1, "price": 9}]}'
    )
    assert order_form.read(body) == OrderRequest(
        customer_name="Ada Lovelace",
        order_type="takeout",
        items=(Item("Pizza", 2, Decimal("15.99")), Item("Salad", 1, Decimal("9.00"))),
        table_number=None,
        delivery_address=None,
    )


@pytest.mark.parametrize(
    "name",
    [
        "A",
        "x" * 100,
        "O’Brien",
        "O'Brien",
        "Anne-Marie Smith",
        "Jean‑Luc",
        "Zoë Ångström",
        "Ада Лавлейс",
        "अनिल कुमार",
        "श्री",
        "محمد علي",
        "王小明",
        "やまだ たろう",
        "김철수",
        "עדה",
        "Νίκος",
        "ნინო",
        "நன்றி",
        "نمی\u200cدانم",  # a zero-width non-joiner, which Persian is written with
        "क्\u200dष",
        "𐐀𐐁",
    ],
)
def test_names_of_any_script_are_taken(name: str) -> None:
    assert order_form.read(an_order(customer_name=name)).customer_name == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u3000",
        "\t",
        "x" * 101,
        "R2D2",
        "Ada_L",
        "Ada.",
        "Ada@home",
        "-",
        "'",
        "’ ’",
        "\u0301",
        "👩",
        "½",
        "٣",
        "<script>",
        "Ada\nLovelace",
        "Ada\x00",
        "Ada\x7f",
        "Ada\u202eecalevoL",
        "\u200fAda",
        "Ada\u200bL",
        "Ada\ufeff",
        "Ada\u2028L",
        "Ada\ud800",
        "Ada\ue000",
        "Ada\U000e0041",
        "Ada\ufffe",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    assert list(broken(an_order(customer_name=name))) == ["customer_name"]


def test_a_names_length_counts_composed_characters_without_the_blanks_around() -> None:
    decomposed = "e\u0301" * 100
    assert order_form.read(an_order(customer_name=f"  {decomposed} ")).customer_name == "é" * 100
    assert "customer_name" in broken(an_order(customer_name="e\u0301" * 101))


@pytest.mark.parametrize("value", [True, 3, Decimal("1.5"), [], ["Ada"], {}, {"first": "Ada"}])
@pytest.mark.parametrize("field", ["customer_name", "delivery_address"])
def test_a_text_is_a_text(field: str, value: Any) -> None:
    order = an_order(order_type="delivery", delivery_address=ADDRESS)
    assert field in broken({**order, field: value})


@pytest.mark.parametrize("order_type", ["dine_in", "takeout", "delivery"])
def test_the_three_types_are_taken(order_type: str) -> None:
    where = {"dine_in": {"table_number": 1}, "takeout": {}, "delivery": {"delivery_address": ADDRESS}}
    assert order_form.read(an_order(order_type=order_type, **where[order_type])).order_type == order_type


@pytest.mark.parametrize(
    "order_type", ["", "pickup", "DINE_IN", "dine_in ", "dine in", 0, True, [], ["takeout"], {"takeout": 1}]
)
def test_other_types_are_refused(order_type: Any) -> None:
    assert list(broken(an_order(order_type=order_type))) == ["order_type"]


@pytest.mark.parametrize("count", [1, 20])
def test_one_to_twenty_items_are_taken(count: int) -> None:
    assert len(order_form.read(an_order(items=[PIZZA] * count)).items) == count


@pytest.mark.parametrize("items", [[], [PIZZA] * 21, PIZZA, "Pizza", 3, True, {"0": PIZZA}])
def test_other_numbers_of_items_are_refused(items: Any) -> None:
    assert list(broken(an_order(items=items))) == ["items"]


@pytest.mark.parametrize("item", ["Pizza", 3, True, [], [PIZZA]])
def test_an_item_is_an_object(item: Any) -> None:
    assert list(broken(an_order(items=[PIZZA, item]))) == ["items[1]"]


def test_an_item_that_is_null_is_refused() -> None:
    assert list(broken(an_order(items=[None]))) == ["items[0]"]


@pytest.mark.parametrize("name", ["P", "x" * 50, "Pizza № 5 (large), 50 % off!", "Crème brûlée", "麻婆豆腐"])
def test_item_names_that_are_taken(name: str) -> None:
    assert order_form.read(with_item(name=name)).items[1].name == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 51, "a\nb", "a\x00", "\u202ea", "a\ud800", None, 5, True, ["a"]])
def test_item_names_that_are_refused(name: Any) -> None:
    assert list(broken(with_item(name=name))) == ["items[1].name"]


@pytest.mark.parametrize("quantity", [1, 10, Decimal("3.0"), 3.0])
def test_quantities_that_are_taken(quantity: Any) -> None:
    taken = order_form.read(with_item(quantity=quantity)).items[1].quantity
    assert taken == quantity
    assert type(taken) is int


NO_NUMBERS = [None, True, False, "3", "", [], [1], {}, {"$gt": 0}]
NO_AMOUNTS = [
    float("nan"),
    float("inf"),
    -float("inf"),
    Decimal("1e999"),
    Decimal("NaN"),
    Decimal("sNaN"),
    HUGE,
    -HUGE,
    10**5000,
]


@pytest.mark.parametrize(
    "quantity", [*NO_NUMBERS, *NO_AMOUNTS, 0, -1, 11, Decimal("1.5"), 1.5], ids=lambda v: str(type(v))
)
def test_quantities_that_are_refused(quantity: Any) -> None:
    assert list(broken(with_item(quantity=quantity))) == ["items[1].quantity"]


@pytest.mark.parametrize(
    ("price", "cents"),
    [
        (Decimal("0.01"), "0.01"),
        (Decimal("999.99"), "999.99"),
        (5, "5.00"),
        (Decimal("5.1"), "5.10"),
        (Decimal("5.100000"), "5.10"),
        (Decimal("1e2"), "100.00"),
        (0.1, "0.10"),
        (19.99, "19.99"),
    ],
)
def test_prices_that_are_taken(price: Any, cents: str) -> None:
    assert str(order_form.read(with_item(price=price)).items[1].price) == cents


@pytest.mark.parametrize(
    "price",
    [
        *NO_NUMBERS,
        *NO_AMOUNTS,
        0,
        -1,
        1000,
        Decimal("0.00"),
        Decimal("0.009"),
        Decimal("0.001"),
        Decimal("1.005"),
        Decimal("999.991"),
        Decimal("1000.00"),
        Decimal("0.0100000000000000000000000000000000000001"),
        Decimal("1e-999"),
        0.1 + 0.2,
    ],
    ids=lambda value: str(type(value)),
)
def test_prices_that_are_refused(price: Any) -> None:
    assert list(broken(with_item(price=price))) == ["items[1].price"]


@pytest.mark.parametrize("table_number", [1, 100])
def test_tables_from_1_to_100_are_taken(table_number: int) -> None:
    order = order_form.read(an_order(order_type="dine_in", table_number=table_number))
    assert order.table_number == table_number


@pytest.mark.parametrize(
    "table_number", [*NO_NUMBERS, *NO_AMOUNTS, 0, -1, 101, Decimal("1.5")], ids=lambda value: str(type(value))
)
def test_other_tables_are_refused(table_number: Any) -> None:
    order = {**an_order(order_type="dine_in"), "table_number": table_number}
    assert list(broken(order)) == ["table_number"]


@pytest.mark.parametrize("address", ["x" * 10, "x" * 500, "Невский 1, кв. 5", "東京都千代田区丸の内一丁目"])
def test_addresses_from_10_to_500_characters_are_taken(address: str) -> None:
    order = order_form.read(an_order(order_type="delivery", delivery_address=f" {address} "))
    assert order.delivery_address == address


@pytest.mark.parametrize(
    "address", [None, "", "x" * 9, "x" * 9 + "  ", "x" * 501, "12 Harbour\nStreet", "12 Harbour\x00St"]
)
def test_other_addresses_are_refused(address: Any) -> None:
    order = {**an_order(order_type="delivery"), "delivery_address": address}
    assert list(broken(order)) == ["delivery_address"]


@pytest.mark.parametrize(
    ("order_type", "table_number", "address", "refused"),
    [
        ("dine_in", None, None, ["table_number"]),
        ("dine_in", 5, ADDRESS, ["delivery_address"]),
        ("dine_in", None, ADDRESS, ["table_number", "delivery_address"]),
        ("takeout", 5, None, ["table_number"]),
        ("takeout", None, ADDRESS, ["delivery_address"]),
        ("takeout", 5, ADDRESS, ["table_number", "delivery_address"]),
        ("delivery", None, None, ["delivery_address"]),
        ("delivery", 5, ADDRESS, ["table_number"]),
        ("delivery", 5, None, ["table_number", "delivery_address"]),
    ],
)
def test_each_type_says_where_its_orders_go(
    order_type: str, table_number: Any, address: Any, refused: list[str]
) -> None:
    order = an_order(order_type=order_type, table_number=table_number, delivery_address=address)
    assert sorted(broken(order)) == sorted(refused)


def test_null_counts_as_not_given() -> None:
    form = order_form.read({**an_order(), "table_number": None, "delivery_address": None})
    assert (form.table_number, form.delivery_address) == (None, None)


@pytest.mark.parametrize("field", ["customer_name", "order_type", "items"])
@pytest.mark.parametrize("how", ["absent", "null"])
def test_what_is_required_is_missed(field: str, how: str) -> None:
    order = an_order()
    del order[field]
    if how == "null":
        order[field] = None
    assert broken(order) == {field: "Missing."}


@pytest.mark.parametrize("field", ["name", "quantity", "price"])
def test_what_an_item_requires_is_missed(field: str) -> None:
    item = {name: value for name, value in PIZZA.items() if name != field}
    assert broken(an_order(items=[PIZZA, item])) == {f"items[1].{field}": "Missing."}


@pytest.mark.parametrize(
    ("sent", "note"),
    [
        ("no basil on one", "no basil on one"),
        ("  no basil ", "no basil"),
        ("x" * 140, "x" * 140),
        ("e\u0301" * 140, "é" * 140),
        ("sans gluten – c'est pour un enfant", "sans gluten – c'est pour un enfant"),
        ("بدون بصل", "بدون بصل"),
        ("<b>well done</b>", "<b>well done</b>"),
        ("well done 👩\u200d🍳", "well done 👩\u200d🍳"),
        ("", None),
        (" \t\u3000", None),
        (None, None),
    ],
)
def test_a_note_is_a_line_of_at_most_140_characters_or_none(sent: str | None, note: str | None) -> None:
    with_note = order_form.read(with_item(note=sent))
    assert [item.note for item in with_note.items] == [None, note]


@pytest.mark.parametrize("note", ["x" * 141, "a\nb", "a\x00", "\u202ea", "a\ud800", "\u200e", 5, True, ["a"], {}])
def test_notes_that_are_refused(note: Any) -> None:
    assert list(broken(with_item(note=note))) == ["items[1].note"]


@pytest.mark.parametrize(
    ("sent", "allergies"),
    [
        (["nuts"], ("nuts",)),
        (["nuts", "eggs", "gluten", "eggs"], ("gluten", "eggs", "nuts")),
        ([*reversed(ALLERGENS)], ALLERGENS),
        ([], ()),
        (None, ()),
    ],
)
def test_allergies_are_of_the_fourteen_each_once_in_their_order(sent: Any, allergies: tuple[str, ...]) -> None:
    assert len(ALLERGENS) == 14
    assert order_form.read({**an_order(), "allergies": sent}).allergies == allergies


@pytest.mark.parametrize(
    ("allergies", "field"),
    [
        ("nuts", "allergies"),
        ({"nuts": True}, "allergies"),
        (["nuts"] * 15, "allergies"),
        (["cats"], "allergies[0]"),
        (["nuts", "Nuts"], "allergies[1]"),
        ([None], "allergies[0]"),
        ([["nuts"]], "allergies[0]"),
        ([True], "allergies[0]"),
    ],
)
def test_other_allergies_are_refused(allergies: Any, field: str) -> None:
    assert list(broken({**an_order(), "allergies": allergies})) == [field]


def test_a_recipe_may_have_a_note_and_allergies() -> None:
    recipe = {"recipe": "Negroni", "note": " no ice ", "allergies": ["sulphites"]}
    order = Draft(recipe, "ada").priced(NEGRONI, open_items=False)
    assert [(item.name, item.quantity, item.note) for item in order.items] == [("Negroni", 1, "no ice")]
    assert order.allergies == ("sulphites",)
    with pytest.raises(Invalid) as refusal:
        Draft({**recipe, "note": "x" * 141}, "ada").priced(NEGRONI, open_items=False)
    assert [error["field"] for error in refusal.value.extra["errors"]] == ["note"]
    assert set(broken({**an_order(), "note": "no ice"})) == {"note"}


def test_what_a_customer_wrote_is_not_shown_with_an_order() -> None:
    order = order_form.read({**with_item(note="no basil"), "allergies": ["nuts"]})
    assert "basil" not in f"{order}"
    assert "nuts" not in f"{order}"


#: Of the orders that they stand beside, as they were when there were no notes and no allergies: stored keys have
#: such fingerprints.
FINGERPRINTS = [
    (an_order(), "0f3ea74b8f9dd4b202d47a74fe043be835a5c822059ff6037b6b85404c4485ff"),
    (
        an_order(
            order_type="dine_in",
            table_number=7,
            items=[{"name": "Tea", "quantity": 2, "price": Decimal("2.50")}],
            notification_email="Ada@Example.com",
        ),
        "80b6b2fb5fb0bba84e33fffc187ea4bfa72f643eeb11e751bcc85954208f7b0f",
    ),
]


@pytest.mark.parametrize(("body", "fingerprint"), FINGERPRINTS)
def test_an_order_that_says_nothing_new_is_known_as_before(body: dict[str, Any], fingerprint: str) -> None:
    assert Draft(body).fingerprint() == fingerprint
    nothing = [{**item, "note": said} for item, said in zip(body["items"], (None, " "), strict=False)]
    assert Draft({**body, "items": nothing, "allergies": []}).fingerprint() == fingerprint
    assert Draft({**body, "allergies": None}).fingerprint() == fingerprint


def test_an_order_with_another_note_or_allergy_is_another() -> None:
    orders = [
        an_order(),
        with_item(),
        with_item(note="no basil"),
        with_item(note="no Basil"),
        an_order(items=[{**PIZZA, "note": "no basil"}, PIZZA]),
        an_order(allergies=["nuts"]),
        an_order(allergies=["nuts", "eggs"]),
    ]
    assert len({Draft(order).fingerprint() for order in orders}) == len(orders)
    assert Draft(orders[-1]).fingerprint() == Draft(an_order(allergies=["eggs", "nuts", "eggs"])).fingerprint()


def test_unknown_fields_are_named() -> None:
    order = {**an_order(items=[{**PIZZA, "size": "XL"}]), "tip": 5, "__class__": {}}
    assert set(broken(order)) == {"tip", "__class__", "items[0].size"}


def test_an_unknown_fields_name_is_shown_short_and_harmless() -> None:
    [shown] = broken({**an_order(), "\x1b[2J\n" + "x" * 1000: 1})
    assert len(shown) <= 50
    assert shown.isprintable()


def test_all_errors_come_at_once() -> None:
    order = {
        "customer_name": "R2D2",
        "order_type": "delivery",
        "items": [PIZZA, {"name": "", "quantity": 0, "price": "free", "size": "XL"}, 7],
        "table_number": 0,
        "surprise": True,
    }
    assert set(broken(order)) == {
        "customer_name",
        "items[1].name",
        "items[1].quantity",
        "items[1].price",
        "items[1].size",
        "items[2]",
        "table_number",
        "delivery_address",
        "surprise",
    }


@pytest.mark.parametrize("body", [None, True, 1, Decimal(1), "order", [], [an_order()]])
def test_an_order_is_an_object(body: Any) -> None:
    assert list(broken(body)) == [""]


def test_an_empty_object_misses_everything() -> None:
    assert set(broken({})) == {"customer_name", "order_type", "items"}


def test_without_open_items_what_is_not_on_the_menu_is_refused() -> None:
    assert set(broken(with_item(), open_items=False)) == {"items[0].name", "items[1].name"}


any_text = st.text(st.characters(exclude_categories=()), max_size=12)  # surrogates and controls too
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
nearly_an_item = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("Pizza") | any_json,
        "quantity": st.integers(0, 11) | any_json,
        "price": st.decimals(0, 1001, places=2) | any_json,
        "note": any_text | any_json,
        "size": any_json,
    },
)
nearly_an_order = st.fixed_dictionaries(
    {},
    optional={
        "customer_name": st.just("Ada") | any_json,
        "order_type": st.sampled_from(["dine_in", "takeout", "delivery"]) | any_json,
        "items": st.lists(nearly_an_item | any_json, max_size=3) | any_json,
        "table_number": st.integers(0, 101) | any_json,
        "delivery_address": st.just(ADDRESS) | any_json,
        "allergies": st.lists(st.sampled_from(ALLERGENS) | any_json, max_size=15) | any_json,
        "_schema": any_json,
    },
)


@given(nearly_an_order | any_json)
def test_whatever_comes_is_a_form_or_a_refusal_that_names_fields(body: Any) -> None:
    try:
        form = order_form.read(body)
    except Invalid as exc:
        refusal: Invalid | None = exc
    else:
        refusal = None
    if refusal is not None:
        assert refusal.extra["errors"]
        assert b"errors" in codec.dumps(refusal.problem("x"))
    else:
        assert codec.loads(codec.dumps(form.customer_name)) == form.customer_name
        assert all(1 <= item.quantity <= 10 and 0 < item.price < 1000 for item in form.items)
