"""How often something may be done, from one address and by one account, by sliding windows (library `limits`).

Where the counts are shared (Redis) and cannot be had, each process counts by itself until they can.
"""

import functools
import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Sequence

from limits import RateLimitItem
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from common import logs
from common.errors import TooManyRequests
from common.settings import Settings

_REDIS_TIMEOUT = 1.0  # seconds
_MOST_KEYS = 5_000  # of one kind, counted in memory; the library walks through all of them now and then
_PAUSE = 5.0  # seconds until shared counts that could not be had are tried again


class RateLimits:
    """Counts, and refuses. One for each process."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.rate_limits
        # Each kind by itself: who has many addresses can make nobody forget how often an account was tried.
        self._own: defaultdict[tuple[str, str], _OwnCounts] = defaultdict(_OwnCounts)
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._shared_again_at = 0.0
        if not settings.rate_limit_storage.startswith("memory:"):
            storage = storage_from_string(
                settings.rate_limit_storage,
                socket_timeout=_REDIS_TIMEOUT,
                socket_connect_timeout=_REDIS_TIMEOUT,
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)

    def registering(self, address: str | None) -> None:
        """Somebody makes an account. Raises TooManyRequests."""
        self._count(self._limits.register_address, "register", "address", address, address)

    def signing_in(self, address: str | None, account: object) -> None:
        """Somebody tries a password of `account`, right or wrong. Raises TooManyRequests."""
        self._count(self._limits.sign_in_address, "sign_in", "address", address, address)
        self._count(self._limits.sign_in_account, "sign_in", "account", account, address)

    def ordering(self, address: str | None, account: object) -> None:
        """Somebody places an order; `account` is None for a guest. Raises TooManyRequests."""
        self._count(self._limits.order_address, "order", "address", address, address)
        self._count(self._limits.order_account, "order", "account", account, address)

    def _count(
        self, limits: Sequence[RateLimitItem], action: str, by: str, who: object, address: str | None
    ) -> None:
        if who is None or not limits:  # the house; no limit
            return
        key = hashlib.sha256(str(who).encode("utf-8", "replace")).hexdigest()[:32]  # no e-mail in a storage's keys
        for limit in limits:
            wait = self._wait(limit, action, by, key)
            if wait is not None:
                logs.event(
                    "rate_limited",
                    f"too many of {action} by one {by}",
                    logging.WARNING,
                    limit=str(limit),
                    address=address,
                    user_id=who if isinstance(who, int) else None,
                )
                raise TooManyRequests.until(wait)

    def _wait(self, limit: RateLimitItem, action: str, by: str, key: str) -> float | None:
        """Counts one, or says in how many seconds there is room for it."""
        if self._shared is not None and time.monotonic() >= self._shared_again_at:
            try:
                return _wait(self._shared, limit, (action, by, key))
            except Exception as exc:
                self._shared_again_at = time.monotonic() + _PAUSE
                logs.event("rate_limits_failed", "each process counts by itself", logging.WARNING, error=exc)
        return self._own[action, by].wait(limit, (action, by, key))


class _OwnCounts:
    """What this process counts of one kind. When there is no room for more, the oldest are forgotten."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    def wait(self, limit: RateLimitItem, of: tuple[str, ...]) -> float | None:
        """As RateLimits._wait()."""
        if len(self._storage.storage) > _MOST_KEYS:
            logs.event("rate_limits_failed", "no room for more counts: forgetting the oldest", logging.WARNING)
            by_age = sorted(self._storage.expirations.items(), key=lambda each: each[1])
            for key, _ in by_age[: _MOST_KEYS // 10]:
                self._storage.clear(key)
        return _wait(self._limiter, limit, of)


def _wait(limiter: SlidingWindowCounterRateLimiter, limit: RateLimitItem, of: tuple[str, ...]) -> float | None:
    if limiter.hit(limit, *of):
        return None
    return limiter.get_window_stats(limit, *of).reset_time - time.time()


@functools.cache
def rate_limits(settings: Settings) -> RateLimits:
    """The process's one."""
    return RateLimits(settings)
