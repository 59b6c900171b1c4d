"""Who is asking, and what they may know and do: the rules, on plain values."""

from dataclasses import dataclass
from enum import Enum

from common.errors import Forbidden, Unauthorized
from common.orders.lifecycle import ADMIN, CUSTOMER, EMPLOYEE, STAFF

GUEST = "guest"  # nobody is signed in
# A call by RPC that names nobody. Its idempotency keys are kept under this word, which therefore stays.
OPERATOR = "house"

_STAFF = (EMPLOYEE, ADMIN, OPERATOR)


@dataclass(frozen=True)
class Person:
    """Who asks. `user_id` and `name` are of an account; `key` is an order's secret, if one was shown; `address`
    is where a web request came from."""

    role: str
    user_id: int | None = None
    name: str | None = None
    key: object = None
    address: str | None = None

    @property
    def is_staff(self) -> bool:
        return self.role in _STAFF

    def must_be_signed_in(self) -> None:
        """Raises Unauthorized for a guest."""
        if self.role == GUEST:
            raise Unauthorized("Sign in first.")

    def must_be_staff(self) -> None:
        """Raises Unauthorized for a guest, Forbidden for a customer."""
        self.must_be_signed_in()
        if not self.is_staff:
            raise Forbidden("This is for staff.")

    def must_be_admin(self) -> None:
        """Raises Unauthorized for a guest, Forbidden for everybody else who is no admin."""
        self.must_be_signed_in()
        if self.role not in (ADMIN, OPERATOR):
            raise Forbidden("This is for admins.")

    @property
    def moves_as(self) -> str:
        """The role whose moves of an order they have (common/orders/lifecycle.py)."""
        return {GUEST: CUSTOMER, OPERATOR: EMPLOYEE}.get(self.role, self.role)

    @property
    def signature(self) -> str:
        """Their name in an order's history: staff by name, which staff and the order's own customer see,
        customers as "customer"."""
        if self.role == OPERATOR:
            return STAFF
        return str(self.name) if self.is_staff else CUSTOMER


class Visibility(Enum):
    """What somebody learns of an order."""

    FULL = "full"  # and may cancel it
    STAFF = "staff"  # all that staff need, without what is the customer's alone
    STATUS = "status"  # nothing personal
    NONE = "none"  # not even that it exists


def visibility(person: Person, customer_id: int | None, has_key: bool) -> Visibility:
    """What `person` learns of the order of `customer_id` (None: a guest's), with its secret or without."""
    is_theirs = customer_id is not None and customer_id == person.user_id
    if is_theirs or has_key:
        return Visibility.FULL
    if person.is_staff:
        return Visibility.STAFF
    return Visibility.STATUS if customer_id is None else Visibility.NONE
