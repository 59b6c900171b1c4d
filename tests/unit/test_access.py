"""Who may know and do what (design, section 7), and when two names are the same."""

import pytest

from common.errors import Forbidden, Refusal, Unauthorized
from order_service.access import GUEST, HOUSE, Person, Sight, sight
from order_service.looks import look

ADA, OTTO = 1, 2
GUEST_PERSON = Person(GUEST)
HOUSE_PERSON = Person(HOUSE)
CUSTOMER = Person("customer", ADA, "ada")
OTHER = Person("customer", OTTO, "otto")
EMPLOYEE = Person("employee", 3, "emma")
ADMIN = Person("admin", 4, "anna")


@pytest.mark.parametrize(
    ("person", "owner", "has_key", "seen"),
    [
        (GUEST_PERSON, None, False, Sight.STATUS),
        (GUEST_PERSON, None, True, Sight.ALL),
        (GUEST_PERSON, ADA, False, Sight.NOTHING),
        (GUEST_PERSON, ADA, True, Sight.ALL),
        (CUSTOMER, ADA, False, Sight.ALL),
        (CUSTOMER, None, False, Sight.STATUS),
        (CUSTOMER, None, True, Sight.ALL),
        (OTHER, ADA, False, Sight.NOTHING),
        (OTHER, ADA, True, Sight.ALL),
        (EMPLOYEE, ADA, False, Sight.WORK),
        (EMPLOYEE, None, False, Sight.WORK),
        (EMPLOYEE, 3, False, Sight.ALL),
        (ADMIN, ADA, False, Sight.WORK),
        (HOUSE_PERSON, ADA, False, Sight.WORK),
        (HOUSE_PERSON, None, False, Sight.WORK),
    ],
)
def test_what_somebody_learns_of_an_order(person: Person, owner: int | None, has_key: bool, seen: Sight) -> None:
    assert sight(person, owner, has_key) is seen


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
    assert look(name) == look("Margherita Pizza")


@pytest.mark.parametrize("name", ["Margherita", "MargheritaPizza", "Margherita Pizza 2", "Marghérita Pizza"])
def test_names_that_look_otherwise_are_others(name: str) -> None:
    assert look(name) != look("Margherita Pizza")
