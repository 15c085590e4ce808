"""The log in pages, the next one read and decoded while the present one is being projected."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from projections.advance import BATCH, read_batch
from registry.domain.events import Recorded
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable
from registry.log.connection import LOST, Timeouts, connect

CATCHING_UP = 10_000
"""Events of a page while far behind: each transaction has its price."""

_OBJECTS_OF_PAGES = 500_000


class Pages:
    """Reads on the connection of who projects; ahead of it, while there is much to read, on one of its own.

    *most* events are in a page, five times as many in one that was read ahead. At most one page is, whatever the logs.
    """

    def __init__(self, dsn: str, timeouts: Timeouts | None = None, *, most: int = BATCH) -> None:
        self._dsn = dsn
        self._timeouts = timeouts
        self._most = most
        self._most_ahead = most * CATCHING_UP // BATCH
        self._conn: asyncpg.Connection | None = None
        self._place: tuple[LogName, int] | None = None
        self._reading: asyncio.Task[list[Recorded]] | None = None
        self._usual = 0

    async def after(self, conn: asyncpg.Connection, log: LogName, position: int) -> list[Recorded]:
        """Return the events that follow *position*; none at the end of the log. Raises `BrokenLog` at a gap."""
        page = await self._read_before(log, position) or await read_batch(conn, log, position, self._most)
        self._look_for_cycles(rarely=self.is_full(page))
        if self.is_full(page) and self._reading is None:
            self._place = (log, position + len(page))
            self._reading = asyncio.create_task(self._read_ahead(*self._place))
        return page

    def is_full(self, page: Sequence[Recorded]) -> bool:
        """Whether there is probably more to read after *page*."""
        return len(page) >= self._most

    async def _read_before(self, log: LogName, position: int) -> list[Recorded]:
        """Return the page that was read ahead, if it is this one; if that failed, it is read anew."""
        if self._reading is None or self._place is None or self._place[0] != log:
            return []
        reading, self._reading = self._reading, None
        with suppress(*LOST, asyncpg.PostgresError, DatabaseUnavailable):
            page = await reading
            return page if self._place[1] == position else []
        return []

    async def _read_ahead(self, log: LogName, position: int) -> list[Recorded]:
        if self._conn is None or self._conn.is_closed():
            self._conn = await connect(self._dsn, self._timeouts)
        return await read_batch(self._conn, log, position, self._most_ahead)

    def _look_for_cycles(self, *, rarely: bool) -> None:
        """Pages have none, and are gone before long; a look at two of them for each page costs a tenth of a replay."""
        first, *others = gc.get_threshold()
        if rarely and 0 < first < _OBJECTS_OF_PAGES:
            self._usual = first
            gc.set_threshold(_OBJECTS_OF_PAGES, *others)
        elif not rarely and self._usual:
            gc.set_threshold(self._usual, *others)
            self._usual = 0

    async def close(self) -> None:
        """Read nothing ahead any more, and close the connection."""
        self._look_for_cycles(rarely=False)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
        if self._conn is not None:
            self._conn.terminate()
            self._conn = None
