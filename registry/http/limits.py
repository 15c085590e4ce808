"""Quotas: token buckets per key and per address, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from registry.errors import QuotaExceeded


class Quota:
    """Lets each caller do *per_second* things, and *burst* at once; remembers at most *capacity* callers.

    A caller that is forgotten for want of room begins with a full bucket again: memory is bounded, and fairness is
    lost only among more callers than that. *clock* is monotonic, in seconds. *name* appears in the headers.
    """

    __slots__ = ("_buckets", "_burst", "_capacity", "_clock", "_name", "_per_second")

    def __init__(
        self, name: str, per_second: float, burst: int, clock: Callable[[], float], *, capacity: int = 65_536
    ) -> None:
        self._name: Final = name
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._capacity = capacity
        self._buckets: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def require(self, caller: str) -> None:
        """Raise `QuotaExceeded` when the caller's bucket is empty; take nothing."""
        left, at = self._buckets.get(caller, (float(self._burst), self._clock()))
        left += (self._clock() - at) * self._per_second
        if left < 1:
            raise self._exceeded((1 - left) / self._per_second)

    def take(self, caller: str, tokens: int = 1) -> None:
        """Take *tokens* (at most the burst) from the caller's bucket; raise `QuotaExceeded` when they are not there."""
        now = self._clock()
        left, at = self._buckets.pop(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_second)
        wanted = min(tokens, self._burst)
        enough = left >= wanted
        self._buckets[caller] = (left - wanted if enough else left, now)
        if len(self._buckets) > self._capacity:
            del self._buckets[next(iter(self._buckets))]
        if not enough:
            raise self._exceeded((wanted - left) / self._per_second)

    def _exceeded(self, wait_s: float) -> QuotaExceeded:
        window_s = max(1, math.ceil(self._burst / self._per_second))
        return QuotaExceeded(
            f"The quota of {self._per_second:g} {self._name} a second (at most {self._burst} at once) is used up; "
            f"come back in {max(1, math.ceil(wait_s))} s.",
            retry_after_s=wait_s,
            headers={
                "RateLimit-Policy": f'"{self._name}";q={self._burst};w={window_s}',
                "RateLimit": f'"{self._name}";r=0;t={max(1, math.ceil(wait_s))}',
            },
        )


@lru_cache(maxsize=65_536)
def address_key(address: str) -> str:
    """Return whom a read counts for: an IPv4 address, or the /64 that an IPv6 subscriber has for himself alone."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return parsed.packed[:8].hex()
    return address
