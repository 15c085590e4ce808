"""Whoever comes with a single request goes first; what comes in bulk waits for a moment when nobody does.

A batch keeps the event loop busy from one row to the next. So it takes its next step only while no single request is
under way in this process, and keeps little on its way into the log for a while after one was. But it never waits for
long: however many single requests there are, batches get on too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

LONGEST_S: Final = 0.02
"""How long a batch waits before its next step, whoever is there."""
REMEMBERED_S: Final = 0.1
"""How long after a single request another one is expected."""


class Courtesy:
    """Counts the single requests that are under way."""

    __slots__ = ("_clock", "_last_at", "_quiet", "_under_way")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._under_way = 0
        self._last_at = -REMEMBERED_S
        self._quiet: list[asyncio.Future[None]] = []

    @property
    def is_called_for(self) -> bool:
        """Whether single requests are under way, or were a moment ago."""
        return bool(self._under_way) or self._clock() - self._last_at < REMEMBERED_S

    def __enter__(self) -> None:
        self._under_way += 1

    def __exit__(self, *_: object) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._last_at = self._clock()
            for waiting in self._quiet:
                if not waiting.done():
                    waiting.set_result(None)
            self._quiet.clear()

    async def turn(self) -> None:
        """Return when no single request is under way, or after LONGEST_S; others get their turn on the loop."""
        await asyncio.sleep(0)
        deadline = self._clock() + LONGEST_S
        while self._under_way and (left := deadline - self._clock()) > 0:
            quiet: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._quiet.append(quiet)
            await asyncio.wait([quiet], timeout=left)
            await asyncio.sleep(0)
