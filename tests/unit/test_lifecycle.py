"""The transition table, against the same table written down here a second time."""

import itertools

import pytest

from common.orders import lifecycle

STATUSES = ("received", "cooking", "ready", "out_for_delivery", "completed", "cancelled", "failed")
ROLES = ("customer", "employee", "admin", "worker", "kitchen")
TYPES = ("dine_in", "takeout", "delivery")
STAFF = {"employee", "admin"}

# (from, to): who may, for which types of order
EXPECTED = {
    ("received", "cooking"): ({"worker", *STAFF}, set(TYPES)),
    ("received", "cancelled"): ({"customer", *STAFF}, set(TYPES)),
    ("cooking", "ready"): ({"worker", *STAFF}, set(TYPES)),
    ("cooking", "cancelled"): (STAFF, set(TYPES)),
    ("received", "failed"): ({"kitchen", *STAFF}, set(TYPES)),
    ("cooking", "failed"): ({"kitchen", *STAFF}, set(TYPES)),
    # Replaying the order's dead letter brings it back.
    ("failed", "received"): ({"kitchen", *STAFF}, set(TYPES)),
    ("ready", "cooking"): (STAFF, set(TYPES)),
    ("ready", "completed"): (STAFF, {"dine_in", "takeout"}),
    ("ready", "out_for_delivery"): (STAFF, {"delivery"}),
    ("out_for_delivery", "completed"): (STAFF, {"delivery"}),
}


def is_allowed(source: str, target: str, role: str, order_type: str) -> bool:
    roles, types = EXPECTED.get((source, target), (set(), set()))
    return role in roles and order_type in types


def test_the_words_stay_what_they_are() -> None:
    assert lifecycle.STATUSES == STATUSES
    assert lifecycle.ORDER_TYPES == TYPES
    roles = {lifecycle.CUSTOMER, lifecycle.EMPLOYEE, lifecycle.ADMIN, lifecycle.WORKER, lifecycle.KITCHEN}
    assert roles == set(ROLES)


@pytest.mark.parametrize("role", [*ROLES, "stranger", ""])
@pytest.mark.parametrize("source", STATUSES)
def test_a_move_is_allowed_exactly_where_the_table_says_so(source: str, role: str) -> None:
    for target, order_type in itertools.product(STATUSES, TYPES):
        expected = is_allowed(source, target, role, order_type)
        from_target = source in lifecycle.sources(target, role, order_type)
        from_source = target in lifecycle.targets(source, role, order_type)
        assert (from_target, from_source) == (expected, expected), (source, target, role, order_type)


def test_an_order_of_an_unknown_type_goes_nowhere() -> None:
    assert all(lifecycle.targets(source, "admin", "catering") == () for source in STATUSES)


def test_the_end_is_completed_or_cancelled() -> None:
    assert {status for status in STATUSES if lifecycle.is_final(status)} == {"completed", "cancelled"}


def test_known_types_come_once_each_and_in_the_tables_order() -> None:
    assert lifecycle.known_types(["delivery", "dine_in", "delivery"]) == ("dine_in", "delivery")


@pytest.mark.parametrize("wanted", [[], ["pickup"], ["dine_in", "DINE_IN"], [""]])
def test_unknown_types_and_none_at_all_are_refused(wanted: list[str]) -> None:
    with pytest.raises(ValueError, match="order types are dine_in, takeout, delivery"):
        lifecycle.known_types(wanted)
