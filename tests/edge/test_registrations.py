"""A password's hash takes 19 MiB for a moment; who registers by the dozen must not have them kept."""

import requests

from tests.edge.attack import Customers, memory
from tests.expedite import Expedite
from tests.people import NO_LIMITS

#: MiB: what one hash takes, twice, since the allocator keeps what it may need again.
ROOM = 45.0


def test_forty_registrations_and_as_many_wrong_passwords_leave_no_memory_behind(expedite: Expedite) -> None:
    front_door = expedite.start("order_service", **NO_LIMITS)
    customers = Customers(front_door.url)
    customers.order()
    before = memory(front_door)
    for number in range(40):
        account = {"email": f"ada{number}@example.com", "password": "analytical engine"}
        made = requests.post(
            f"{front_door.url}/register", json={**account, "username": f"ada{number}"}, timeout=30
        )
        assert made.status_code == 201, made.text
    for number in range(40):
        wrong = {"email": f"ada{number}@example.com", "password": "difference engine"}
        assert requests.post(f"{front_door.url}/login", json=wrong, timeout=30).status_code == 401
    customers.order()
    customers.were_served()
    assert memory(front_door) - before < ROOM
