"""What a client can do to a service from outside: each file here is one kind of attack, on real processes."""

import pytest

from tests.edge.attack import Customers
from tests.expedite import Expedite


@pytest.fixture
def customers(expedite: Expedite) -> Customers:
    """Customers of an order_service that the test attacks."""
    expedite.start("order_service")
    return Customers(expedite.url("order_service"))
