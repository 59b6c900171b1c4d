"""How many streams there may be."""

import pytest

from common.errors import TooManyRequests, Unavailable
from common.live.seats import Seats


def test_a_process_has_so_many() -> None:
    seats = Seats(2, 2)
    seats.take("a")
    seats.take("b")
    with pytest.raises(Unavailable) as refused:
        seats.take("c")
    assert refused.value.headers["Retry-After"]
    seats.give_back("a")
    seats.take("c")
    assert seats.open == 2


def test_an_address_has_its_share() -> None:
    seats = Seats(10, 2)
    for address in ("a", "a", "b"):
        seats.take(address)
    with pytest.raises(TooManyRequests) as refused:
        seats.take("a")
    assert refused.value.headers["Retry-After"]
    seats.take("b")
    seats.give_back("a")
    seats.take("a")


def test_who_has_gone_is_forgotten() -> None:
    seats = Seats(10, 2)
    seats.take("a")
    seats.give_back("a")
    assert (seats.open, seats._taken) == (0, {})
