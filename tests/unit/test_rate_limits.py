"""Counting in memory: as the library does, within a bound, and with the oldest forgotten first."""

import random
import tracemalloc
from types import SimpleNamespace
from unittest import mock

import limits
import pytest
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from common.errors import TooManyRequests
from common.settings import load_config
from order_service import rate_limits
from order_service.rate_limits import OwnCounts, RateLimits
from order_service.settings import OrderSettings
from tests.support.expedite import ROOT

MIB = 2**20


@pytest.fixture
def house() -> RateLimits:
    """The limits of config.yml's defaults: of an account 5 attempts a minute, of an address 20."""
    with mock.patch.dict("os.environ", clear=True):
        settings = OrderSettings.of(load_config(ROOT / "config.yml"), "order_service")
    limits = RateLimits()
    limits.container = SimpleNamespace(settings=settings)
    limits.setup()
    return limits


@pytest.mark.parametrize("seed", range(20))
def test_it_counts_as_the_library_does(seed: int) -> None:
    chance = random.Random(seed)
    clock = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now, now=chance.uniform(1e6, 2e6))
    limit = limits.parse(chance.choice(["1 per second", "3 per 10 seconds", "5 per minute", "20 per minute"]))
    own = OwnCounts()
    with mock.patch("limits.storage.memory.time", clock), mock.patch.object(rate_limits, "time", clock):
        library = SlidingWindowCounterRateLimiter(MemoryStorage())
        for _ in range(400):
            clock.now += chance.expovariate(1.5 * limit.amount / limit.get_expiry())
            key = chance.choice("ab")
            wait = own.wait(limit, "sign_in", "account", key)
            assert (wait is None) == library.hit(limit, "sign_in", "account", key)
            if wait is not None:
                # It is the time after which there is room, and not before.
                assert 0 < wait <= 2 * limit.get_expiry()
                assert not _has_room(library, limit, key, clock, clock.now + wait - 0.001)
                assert _has_room(library, limit, key, clock, clock.now + wait + 0.001)


def _has_room(
    library: SlidingWindowCounterRateLimiter,
    limit: limits.RateLimitItem,
    key: str,
    clock: SimpleNamespace,
    then: float,
) -> bool:
    now, clock.now = clock.now, then
    try:
        return library.test(limit, "sign_in", "account", key)
    finally:
        clock.now = now


def test_an_account_stays_counted_however_many_addresses_guess_at_it(house: RateLimits) -> None:
    for address in range(5):
        house.signing_in_as("ada@example.com", str(address), 7)
    for address in range(3 * rate_limits._MAX_KEYS):
        house.signing_in_from(str(address))
        if address % 100 == 0:
            with pytest.raises(TooManyRequests):
                house.signing_in_as("ada@example.com", str(address), 7)


def test_what_came_up_longest_ago_is_forgotten_first_and_tries_that_are_refused_count_as_coming_up() -> None:
    own, limit = OwnCounts(), limits.parse("1 per day")

    def refused(key: str) -> bool:
        return own.wait(limit, "sign_in", "account", key) is not None

    with mock.patch.object(rate_limits, "_MAX_KEYS", 3):
        assert [refused(key) for key in "abc"] == [False, False, False]
        assert refused("a")
        assert not refused("d")  # b is forgotten for it
        assert [refused(key) for key in "cad"] == [True, True, True]
        assert not refused("b")
        assert len(own) == 3


def test_memory_is_bounded_whoever_comes(house: RateLimits) -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(3 * rate_limits._MAX_KEYS):
            house.registering(f"2001:db8:{number:x}::/64")
            house.signing_in_from(f"2001:db8:{number:x}::/64")
            house.signing_in_as(f"{number}@example.com", None, None)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(house._own) == 5 * rate_limits._MAX_KEYS  # two limits each for registering and for accounts
    assert after - before < 20 * MIB
