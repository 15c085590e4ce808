"""How far each projection has come, as this process knows it; and waiting until it has come far enough.

`registry.app` feeds it from the projector's notifications and from polling. What is known here may be behind the
truth, never ahead of it, so "complete up to" stays true.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.domain.names import LogName
from registry.errors import NotYetVisible


@dataclass(frozen=True, slots=True)
class AsOf:
    """Up to where an answer is known to be complete: `time` may move on while `position` stands."""

    position: int
    time: datetime


_NOTHING = AsOf(0, datetime.fromtimestamp(0, UTC))


class Progress:
    """The last known checkpoint of each (log, projection)."""

    __slots__ = ("_known", "_waiting", "awaited")

    def __init__(self) -> None:
        self.awaited = asyncio.Event()
        """Set when somebody begins to wait; whoever looks how far projections are clears it."""
        self._known: dict[tuple[LogName, str], AsOf] = {}
        self._waiting: dict[tuple[LogName, str], list[tuple[int, asyncio.Future[None]]]] = {}

    def saw(self, log: LogName, projection: str, position: int, time: datetime) -> None:
        """Take note that *projection* has reached *position*, and is complete up to *time*; never goes back."""
        key = (log, projection)
        known = self._known.get(key, _NOTHING)
        self._known[key] = AsOf(max(position, known.position), max(time, known.time))
        waiting = self._waiting.pop(key, [])
        still = [(wanted, future) for wanted, future in waiting if wanted > position and not future.done()]
        if still:
            self._waiting[key] = still
        for wanted, future in waiting:
            if wanted <= position and not future.done():
                future.set_result(None)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a position."""
        return any(self._waiting.values())

    def as_of(self, log: LogName, projection: str) -> AsOf:
        """Return up to where *projection* is known to be complete."""
        return self._known.get((log, projection), _NOTHING)

    async def reach(self, log: LogName, projection: str, position: int, *, timeout_s: float) -> None:
        """Return when *projection* has reached *position*; raise `NotYetVisible` after *timeout_s*."""
        if self.as_of(log, projection).position >= position:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (position, future)
        self._waiting.setdefault((log, projection), []).append(waiting)
        self.awaited.set()
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            raise NotYetVisible(
                f"Position {log}:{position} is not visible yet; repeat the request in a moment."
            ) from None
        finally:
            if waiting in (others := self._waiting.get((log, projection), [])):
                others.remove(waiting)
