"""Whoever comes with a single request goes first; what comes in bulk waits for a moment when nobody does.

A batch keeps the event loop busy from one row to the next. So it takes its next step only while no single request is
under way in this process, and keeps little on its way into the log for a while after one was. But it never waits for
long: however many single requests there are, and however slow one is, batches get on too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

LONGEST_S: Final = 0.02
"""How long a batch waits before its next step, whoever is there."""
SHORTER_S: Final = 0.005
"""The same when there was no quiet moment for ENOUGH_S: somebody dawdles, or there are too many for there to be one."""
ENOUGH_S: Final = 0.5
REMEMBERED_S: Final = 0.1
"""How long after a single request another one is expected."""


class Courtesy:
    """Counts the single requests that are under way."""

    __slots__ = ("_clock", "_first_at", "_last_at", "_quiet", "_under_way")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._under_way = 0
        self._first_at = 0.0
        """When the last quiet moment ended."""
        self._last_at = -REMEMBERED_S
        self._quiet: asyncio.Future[None] | None = None
        """What all batches wait for, if any does."""

    @property
    def is_called_for(self) -> bool:
        """Whether single requests are under way, or were a moment ago."""
        return bool(self._under_way) or self._clock() - self._last_at < REMEMBERED_S

    def __enter__(self) -> None:
        if not self._under_way:
            self._first_at = self._clock()
        self._under_way += 1

    def __exit__(self, *_: object) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._last_at = self._clock()
            if self._quiet is not None:
                self._quiet.set_result(None)
                self._quiet = None

    async def turn(self) -> None:
        """Return when no single request is under way, or in the end; others get their turn on the loop."""
        await asyncio.sleep(0)
        now = self._clock()
        deadline = now + (LONGEST_S if now - self._first_at < ENOUGH_S else SHORTER_S)
        while self._under_way and (left := deadline - self._clock()) > 0:
            self._quiet = self._quiet or asyncio.get_running_loop().create_future()
            await asyncio.wait([self._quiet], timeout=left)
            await asyncio.sleep(0)
