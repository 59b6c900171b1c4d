"""How often something may be done, from one address and by one account, by sliding windows (library `limits`).

Where the counts are shared (Redis) and cannot be had, each process counts by itself until they can. What is
refused is logged with where it came from and, when there is one, whose account it is; never with an e-mail.
"""

import hashlib
import logging
import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import Any

from limits import RateLimitItem
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from nameko.extensions import SharedExtension

from common.errors import TooManyRequests
from common.observability import logs
from order_service.settings import OrderSettings

_REDIS_TIMEOUT = 1.0  # seconds
_MAX_KEYS = 10_000  # that each limit counts in memory
_PAUSE = 5.0  # seconds until shared counts that could not be had are tried again


class RateLimits(SharedExtension):
    """Counts, and refuses. One for each process."""

    def setup(self) -> None:
        settings: OrderSettings = self.container.settings
        self._limits = settings.rate_limits
        self._own = OwnCounts()
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
        self._count(self._limits.register_address, "register", "address", address, address=address)

    def signing_in_from(self, address: str | None) -> None:
        """Somebody tries a password, whosever it is. Raises TooManyRequests."""
        self._count(self._limits.sign_in_address, "sign_in", "address", address, address=address)

    def signing_in_as(self, account: object, address: str | None, user_id: int | None) -> None:
        """Somebody tries a password of `account`, right or wrong, whether there is such an account or not; its
        `user_id` and the address are for the log. Raises TooManyRequests."""
        limits = self._limits.sign_in_account
        self._count(limits, "sign_in", "account", account, address=address, user_id=user_id)

    def asking_for_a_letter(self, address: str | None) -> None:
        """Somebody asks for a letter, whoever gets it. Raises TooManyRequests."""
        self._count(self._limits.letter_address, "letter", "address", address, address=address)

    def writing_to(self, mailbox: str, address: str | None) -> None:
        """A letter that somebody asked for goes to `mailbox`, whether it has an account or not; what stands behind
        a + makes it no other mailbox. Raises TooManyRequests."""
        user, _, domain = mailbox.lower().rpartition("@")
        counted = f"{user.partition('+')[0]}@{domain}"
        self._count(self._limits.letter_mailbox, "letter", "mailbox", counted, address=address)

    def ordering(self, address: str | None, user_id: int | None) -> None:
        """Somebody places an order; `user_id` is None for a guest. Raises TooManyRequests."""
        trace: dict[str, object] = {"address": address, "user_id": user_id}
        self._count(self._limits.order_address, "order", "address", address, **trace)
        self._count(self._limits.order_account, "order", "account", user_id, **trace)

    def may_name_a_mailbox(self, address: str | None) -> bool:
        """Somebody places an order that names an e-mail address, whose owner may have to be asked; false when
        enough were named from there. That refuses nobody, and so is not logged."""
        return self._reached(self._limits.question_address, "question", "address", address) is None

    def _count(self, limits: Sequence[RateLimitItem], action: str, by: str, who: object, **trace: Any) -> None:
        """Counts one. Raises TooManyRequests."""
        reached = self._reached(limits, action, by, who)
        if reached is not None:
            limit, wait = reached
            message = f"too many of {action} by one {by}"
            logs.event("rate_limited", message, logging.WARNING, limit=str(limit), **trace)
            raise TooManyRequests.until(wait)

    def _reached(
        self, limits: Sequence[RateLimitItem], action: str, by: str, who: object
    ) -> tuple[RateLimitItem, float] | None:
        """Counts one; gives the limit that has no room for it, and in how many seconds it will."""
        if who is None or not limits:  # an operator; no limit
            return None
        key = hashlib.sha256(str(who).encode("utf-8", "replace")).hexdigest()[:32]  # no e-mail in a storage's keys
        for limit in limits:
            wait = self._wait(limit, action, by, key)
            if wait is not None:
                return limit, wait
        return None

    def _wait(self, limit: RateLimitItem, *of: str) -> float | None:
        """Counts one, or says in how many seconds there is room for it."""
        if self._shared is None or time.monotonic() < self._shared_again_at:
            return self._own.wait(limit, *of)
        try:
            if self._shared.hit(limit, *of):
                return None
            return self._shared.get_window_stats(limit, *of).reset_time - time.time()
        except Exception as exc:
            self._shared_again_at = time.monotonic() + _PAUSE
            logs.event("rate_limits_failed", "each process counts by itself", logging.WARNING, error=exc)
            return self._own.wait(limit, *of)


class OwnCounts:
    """This process's counts, by sliding windows as the library's: what the window before this one counted weighs
    the less the longer this one runs. The library's own memory has no bound, and walks through all that it holds.

    Of each limit the keys that came up longest ago are forgotten first, so one that is tried again and again is
    kept, whatever else comes. Accounts are not washed away by made-up ones either: each costs a password's hash.
    """

    def __init__(self) -> None:
        # By limit, and by key: the number of the last window, its count, and the count of the one before.
        self._counts: dict[object, OrderedDict[str, tuple[float, int, int]]] = defaultdict(OrderedDict)

    def __len__(self) -> int:
        return sum(len(keys) for keys in self._counts.values())

    def wait(self, limit: RateLimitItem, action: str, by: str, key: str) -> float | None:
        """Counts one, or says in how many seconds there is room for it."""
        keys = self._counts[limit, action, by]
        window = limit.get_expiry()
        number, passed = divmod(time.monotonic(), window)
        last, count, before = keys.pop(key, (number, 0, 0))
        if last != number:
            count, before = 0, count if last == number - 1 else 0
        has_room = count + before * (1 - passed / window) < limit.amount
        keys[key] = (number, count + has_room, before)
        if len(keys) > _MAX_KEYS:
            keys.popitem(last=False)
        if has_room:
            return None
        if count == limit.amount:
            return window - passed
        return window * (1 - (limit.amount - count) / before) - passed
