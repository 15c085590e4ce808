"""Who verifies next: a bounded number at once, callers in turns, so that one who sends many holds up only himself."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from registry.errors import Unavailable


class Turns:
    """At most *at_once* pieces of work under way, of one caller at most *per_caller*; at most *waiting* wait.

    Who waits is served round-robin by caller, each caller's own in their order.
    """

    def __init__(self, *, at_once: int = 16, per_caller: int = 2, waiting: int = 256) -> None:
        self._at_once = at_once
        self._per_caller = per_caller
        self._most_waiting = waiting
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._count_waiting = 0
        self._running: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block is left; raise `Unavailable` when too many wait already."""
        if self._may_run(caller) and caller not in self._waiting:
            self._running[caller] += 1
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._leave(caller)

    def _may_run(self, caller: str) -> bool:
        return self._running.total() < self._at_once and self._running[caller] < self._per_caller

    async def _wait(self, caller: str) -> None:
        if self._count_waiting >= self._most_waiting or len(self._waiting.get(caller, ())) >= self._most_waiting // 4:
            raise Unavailable("Too many verifications wait for their turn; please repeat the request.")
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(mine)
        self._count_waiting += 1
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._leave(caller)  # the turn came in the same moment, and goes to the next
            else:
                self._drop(caller, mine)
            raise

    def _drop(self, caller: str, mine: asyncio.Future[None]) -> None:
        queue = self._waiting[caller]
        queue.remove(mine)
        self._count_waiting -= 1
        if not queue:
            del self._waiting[caller]

    def _leave(self, caller: str) -> None:
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]
        for waiting in list(self._waiting):
            if self._running.total() >= self._at_once:
                return
            if self._may_run(waiting):
                self._serve(waiting)

    def _serve(self, caller: str) -> None:
        """Give the caller's first its turn, and put the caller behind the others."""
        queue = self._waiting.pop(caller)
        mine = queue.popleft()
        self._count_waiting -= 1
        if queue:
            self._waiting[caller] = queue
        self._running[caller] += 1
        mine.set_result(None)
