"""Fills a log in bulk, as its owner, for load tests: a made-up registry that the service serves and goes on writing.

Only into a log that holds nothing but its opening, and in one transaction: an interrupted load leaves nothing. Pages
are made by several processes; this one chains and copies them. Meanwhile the log's tables have no indexes, and nobody
else can use them. `registry.loading.load` is how to call it, with the keys' vault at hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta

import asyncpg

from registry.domain.names import LogName
from registry.errors import LoadRefused
from registry.log import pages, read
from registry.log.append import open_log
from registry.log.connection import Connection
from registry.log.pages import Page, Run, counted, number8
from registry.log.population import Keys, Population
from registry.log.sql import query
from registry.log.synthetic import Plan

_LOCK = query("lock_head")
_HEAD = query("set_head")
_CONSTRAINTS = query("read_constraints")
_TABLES = ("events", "status_list_allocations")
_EVENTS = ("log_name", "position", "stream", "version", "type", "body", "hash", "recorded_at")
_GIVEN = ("log_name", "list_set", "number", "index", "position")
PAGE = 4_000
"""Credentials of a page, about."""
COPIED_AT_ONCE = 8
"""Pages of one COPY."""
SMALL = 20_000
"""So few credentials are not worth processes of their own."""

Progress = Callable[[int, int], None]
"""Told (credentials so far, all of them)."""


async def load(
    conn: Connection,
    log: LogName,
    origin: str,
    plan: Plan,
    keys: Keys,
    *,
    now: datetime,
    progress: Progress = lambda _done, _total: None,
    processes: int | None = None,
) -> read.Head:
    """Fill *log*, opened now if it is not there, and return its head; *conn* is the owner's, with nothing to hurry it.

    *keys* writes on the same connection. *processes* make the events, by default one for each core. Raises
    `LoadRefused` for a log that holds anything but its opening.
    """
    async with conn.transaction():
        await open_log(conn, log, origin, now - timedelta(days=plan.days))
        await conn.execute(_LOCK, log)
        head = await read.head(conn, log)
        assert head is not None, "it was opened just now, or before"
        if head.position != 1:
            raise LoadRefused(
                f"The log {log!r} is at position {head.position}; made-up credentials go only into a log that holds "
                "nothing but its opening. Take an empty database."
            )
        population = Population(plan, origin, await read.log_id(conn, log), keys, head.recorded_at, now)
        writing = _Writing(conn, log, head)
        async with _without_indexes(conn):
            with _makers(processes if processes is not None else _processes(plan)) as make:
                async for page in _made(population, make):
                    await writing.add(page)
                    progress(population.done, plan.credentials)
            await writing.flush()
        await conn.execute(_HEAD, log, writing.position, writing.hash, now)
    for table in _TABLES:
        await conn.execute(f"VACUUM (ANALYZE) {table}")
    return read.Head(writing.position, writing.hash, now)


def _processes(plan: Plan) -> int:
    return (os.cpu_count() or 1) if plan.credentials > SMALL else 0


Make = Callable[[datetime, Sequence[Run]], "asyncio.Future[Page]"]


@contextmanager
def _makers(processes: int) -> Iterator[Make]:
    """Yield what makes pages, in *processes*, or (0) in this one."""
    loop = asyncio.get_running_loop()
    if not processes:
        yield lambda at, runs: loop.run_in_executor(None, pages.page, at, runs)
        return
    spawning = multiprocessing.get_context("spawn")  # this process has threads, and an event loop
    with ProcessPoolExecutor(processes, mp_context=spawning) as pool:
        yield lambda at, runs: loop.run_in_executor(pool, pages.page, at, runs)


async def _made(population: Population, make: Make) -> AsyncIterator[Page]:
    """Yield every page in order, a few of them being made ahead."""
    ahead: deque[asyncio.Future[Page]] = deque()
    async for one in population.pages(PAGE):
        if isinstance(one, Page):
            done: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
            done.set_result(one)
            ahead.append(done)
        else:
            ahead.append(make(*one))
        while len(ahead) > 2 * (os.cpu_count() or 1) + 2:
            yield await ahead.popleft()
    while ahead:
        yield await ahead.popleft()


class _Writing:
    """The log's end as it grows: positions, the chain, and rows on their way into the tables."""

    def __init__(self, conn: Connection, log: LogName, head: read.Head) -> None:
        self._conn = conn
        self._log = counted(log)
        self.position, self.hash = head.position, head.hash
        self._events: list[bytes] = []
        self._given: list[bytes] = []
        self._pages = 0

    async def add(self, page: Page) -> None:
        """Append *page*."""
        first, value = self.position + 1, self.hash
        parts: list[bytes] = []
        begin, end = b"\0\x08" + self._log + b"\0\0\0\x08", pages.moment(page.recorded_at)
        for position, (row, leaf) in enumerate(zip(page.rows, page.leaves, strict=True), first):
            value = hashlib.sha256(value + leaf).digest()
            parts += (begin, position.to_bytes(8), row, b"\0\0\0\x20", value, end)
        self._events.append(b"".join(parts))
        start = b"\0\x05" + self._log
        self._given.append(b"".join(start + fields + number8(first + n) for n, fields in page.given))
        self.position, self.hash = self.position + len(page.rows), value
        self._pages += 1
        if self._pages >= COPIED_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Copy what was appended."""
        await self._copy("events", _EVENTS, self._events)
        await self._copy("status_list_allocations", _GIVEN, self._given)
        self._events, self._given, self._pages = [], [], 0

    async def _copy(self, table: str, columns: Sequence[str], rows: list[bytes]) -> None:
        async def source() -> AsyncIterator[bytes]:
            yield pages.HEADER
            for some in rows:
                yield some
            yield pages.TRAILER

        await self._conn.copy_to_table(table, source=source(), columns=columns, format="binary")


@asynccontextmanager
async def _without_indexes(conn: Connection) -> AsyncIterator[None]:
    """Drop the keys of the log's tables, and make them again: sorting once is several times as fast.

    Their constraints are what would notice an index given out twice; so they do, in the end.
    """
    rows = await conn.fetch(_CONSTRAINTS, list(_TABLES))
    for row in rows:
        await conn.execute(f'ALTER TABLE {row["table_name"]} DROP CONSTRAINT "{row["name"]}"')
    yield
    await conn.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for row in rows:
        try:
            await conn.execute(f'ALTER TABLE {row["table_name"]} ADD CONSTRAINT "{row["name"]}" {row["definition"]}')
        except asyncpg.UniqueViolationError as error:
            raise LoadRefused(f"What was made up contradicts itself: {error}.") from error
