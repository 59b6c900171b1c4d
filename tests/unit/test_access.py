"""Who may know and do what, and when two names are the same."""

import pytest

from common.accounts.access import GUEST, OPERATOR, Person, Visibility, visibility
from common.errors import Forbidden, Refusal, Unauthorized
from order_service.name_keys import name_key

ADA, OTTO = 1, 2
GUEST_PERSON = Person(GUEST)
HOUSE_PERSON = Person(OPERATOR)
CUSTOMER = Person("customer", ADA, "ada")
OTHER = Person("customer", OTTO, "otto")
EMPLOYEE = Person("employee", 3, "emma")
ADMIN = Person("admin", 4, "anna")


@pytest.mark.parametrize(
    ("person", "owner", "has_key", "seen"),
    [
        (GUEST_PERSON, None, False, Visibility.STATUS),
        (GUEST_PERSON, None, True, Visibility.FULL),
        (GUEST_PERSON, ADA, False, Visibility.NONE),
        (GUEST_PERSON, ADA, True, Visibility.FULL),
        (CUSTOMER, ADA, False, Visibility.FULL),
        (CUSTOMER, None, False, Visibility.STATUS),
        (CUSTOMER, None, True, Visibility.FULL),
        (OTHER, ADA, False, Visibility.NONE),
        (OTHER, ADA, True, Visibility.FULL),
        (EMPLOYEE, ADA, False, Visibility.STAFF),
        (EMPLOYEE, None, False, Visibility.STAFF),
        (EMPLOYEE, 3, False, Visibility.FULL),
        (ADMIN, ADA, False, Visibility.STAFF),
        (HOUSE_PERSON, ADA, False, Visibility.STAFF),
        (HOUSE_PERSON, None, False, Visibility.STAFF),
    ],
)
def test_what_somebody_learns_of_an_order(
    person: Person, owner: int | None, has_key: bool, seen: Visibility
) -> None:
    assert visibility(person, owner, has_key) is seen


@pytest.mark.parametrize(
    ("person", "signed_in", "staff", "admin"),
    [
        (GUEST_PERSON, Unauthorized, Unauthorized, Unauthorized),
        (CUSTOMER, None, Forbidden, Forbidden),
        (EMPLOYEE, None, None, Forbidden),
        (ADMIN, None, None, None),
        (HOUSE_PERSON, None, None, None),
    ],
)
def test_what_somebody_may_do(
    person: Person, signed_in: type[Refusal] | None, staff: type[Refusal] | None, admin: type[Refusal] | None
) -> None:
    for check, expected in (
        (person.must_be_signed_in, signed_in),
        (person.must_be_staff, staff),
        (person.must_be_admin, admin),
    ):
        try:
            check()
            raised = None
        except Refusal as refusal:
            raised = type(refusal)
        assert raised is expected


@pytest.mark.parametrize(
    ("person", "role", "signature"),
    [
        (GUEST_PERSON, "customer", "customer"),
        (CUSTOMER, "customer", "customer"),
        (EMPLOYEE, "employee", "emma"),
        (ADMIN, "admin", "anna"),
        (HOUSE_PERSON, "employee", "staff"),
    ],
)
def test_how_somebody_signs_an_orders_history(person: Person, role: str, signature: str) -> None:
    assert (person.moves_as, person.signature) == (role, signature)


@pytest.mark.parametrize(
    "name",
    [
        "MARGHERITA PIZZA",
        "margherita  pizza",
        " Margherita\tPizza ",
        "Margherita\u200dPizza".replace("\u200d", "\u200d "),
        "Ｍargherita Pizza",
        "Margherita\u00a0Pizza",
    ],
)
def test_names_that_look_the_same_are_the_same(name: str) -> None:
    assert name_key(name) == name_key("Margherita Pizza")


@pytest.mark.parametrize("name", ["Margherita", "MargheritaPizza", "Margherita Pizza 2", "Marghérita Pizza"])
def test_names_that_look_otherwise_are_others(name: str) -> None:
    assert name_key(name) != name_key("Margherita Pizza")
