"""Rebuilds a projection: fills a generation beside the live one, compares, switches; readers never see half."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import asyncpg

from projections import generations
from projections.advance import BATCH, Overtaken, Target, advance, read_batch
from projections.checkpoints import standing
from projections.compare import Difference, differences
from projections.generations import Generation
from projections.projection import Projection
from registry.domain.names import LogName
from registry.errors import Unfit
from registry.log import read
from registry.log.connection import Timeouts, connect

Connection = asyncpg.Connection

Told = Callable[[int, int], None]
"""Is told how many events are done, of how many."""

_DAY_S = 86_400
_PATIENT = Timeouts(command_s=_DAY_S, statement_s=_DAY_S, lock_s=1, idle_in_transaction_s=_DAY_S)
_LEVELLINGS = 1_000
_PATIENCE = 100
_PAUSE_S = 0.5

# $1 projection
_ALONE = "SELECT pg_try_advisory_lock(hashtext('registry.projections.rebuild'), hashtext($1))"

# $1 projection, $2 generations: keeps runners from moving these checkpoints until the transaction ends
_HOLD = """
SELECT log_name
  FROM projections.checkpoints
 WHERE projection = $1 AND generation = ANY ($2::integer[])
 ORDER BY log_name, generation
   FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    projection: str
    generation: int
    """The one that is live now."""
    is_compared: bool
    """Whether there were live rows of the same version to compare with."""
    differences: tuple[Difference, ...]
    """Empty unless a difference was accepted."""


async def rebuild(
    dsn: str, projection: Projection, *, progress: Told | None = None, accept_difference: bool = False
) -> Rebuilt:
    """Fill *projection* anew from the log as `registry_projector`, compare it with the live rows, and switch.

    Works beside a running `Runner`, and with none. Raises `Unfit` when another rebuild of it is running, or when the
    new rows differ from live ones of the same version and *accept_difference* is false; the live rows then stay.
    """
    conn = await connect(dsn, _PATIENT)
    try:
        if not await conn.fetchval(_ALONE, projection.name):
            raise Unfit(f"Another rebuild of {projection.name} is running; wait for its end.")
        await conn.execute("SET synchronous_commit = off")  # a crash loses rows only with their checkpoint
        await generations.prepare(conn)
        return await _Rebuild(conn, projection, progress or _tell_nobody).run(accept_difference=accept_difference)
    finally:
        await conn.close()


def _tell_nobody(done: int, total: int) -> None:
    """Report to nobody."""


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Do *work*, which takes locks: others wait behind us, so let them pass when it takes long, and try again."""
    for attempt in range(_PATIENCE, 0, -1):
        try:
            await work()
            break
        except asyncpg.LockNotAvailableError:
            if attempt == 1:
                raise
            await asyncio.sleep(_PAUSE_S)


class _Rebuild:
    def __init__(self, conn: Connection, projection: Projection, told: Told) -> None:
        self._conn = conn
        self._projection = projection
        self._told = told

    async def run(self, *, accept_difference: bool) -> Rebuilt:
        live, fresh = await self._begin()
        await self._fill(fresh)
        found: list[Difference] = []
        is_compared = live is not None and live.version == fresh.version
        if live is not None and is_compared:
            found = await self._compare(live, fresh)
            if found and not accept_difference:
                told = "; ".join(map(str, found))
                raise Unfit(f"The rebuilt rows of {self._projection.name} differ from the live ones: {told}.")
            await self._fill(fresh)
        await self._switch(live, fresh)
        return Rebuilt(self._projection.name, fresh.generation, is_compared, tuple(found))

    async def _begin(self) -> tuple[Generation | None, Generation]:
        """Return the live generation and the one to fill; remove what rebuilds that were broken off have left."""
        there = await generations.known(self._conn)
        live = generations.current(there, self._projection.name)
        runners = generations.filled_by(there, self._projection)
        for left in there:
            if left.projection == self._projection.name and left not in (live, runners):
                await _patiently(partial(generations.drop, self._conn, left))
        if live is not None and live == runners:
            return live, await generations.create(self._conn, self._projection)
        return live, await generations.ensure(self._conn, self._projection)

    async def _fill(self, fresh: Generation) -> None:
        """Apply every log to its end; a runner may fill the same generation meanwhile."""
        logs = await read.logs(self._conn)
        await generations.begin(self._conn, fresh, logs)
        for log in logs:
            while await self._apply(fresh, log, BATCH):
                await self._tell(fresh)
        await self._tell(fresh)

    async def _apply(self, generation: Generation, log: LogName, limit: int) -> bool:
        """Apply one batch; return whether there was one."""
        position = (await standing(self._conn, [generation]))[log, self._projection.name]
        batch = await read_batch(self._conn, log, position, limit)
        if batch:
            try:
                await advance(self._conn, log, [Target(self._projection, generation.generation)], position, batch)
            except Overtaken:
                return True
        return bool(batch)

    async def _compare(self, live: Generation, fresh: Generation) -> list[Difference]:
        """Compare at one position without holding anybody up: in a snapshot in which both stand at the same."""
        for _ in range(_LEVELLINGS):
            await self._level(live, fresh)
            async with self._conn.transaction(isolation="repeatable_read", readonly=True):
                if await standing(self._conn, [live]) == await standing(self._conn, [fresh]):
                    return await differences(self._conn, self._projection, live, fresh)
        raise Unfit(f"The live rows of {self._projection.name} never stood still; rebuild when it is quieter.")

    async def _level(self, *both: Generation) -> None:
        """Bring all of *both* to the same positions, in a transaction of the caller's or of its own."""
        async with self._conn.transaction():
            await self._conn.fetch(_HOLD, self._projection.name, [one.generation for one in both])
            stands = {one: await standing(self._conn, [one]) for one in both}
            for log, name in {key for found in stands.values() for key in found}:
                furthest = max(found.get((log, name), 0) for found in stands.values())
                for one in both:
                    await generations.begin(self._conn, one, [log])
                    await self._bring(one, log, stands[one].get((log, name), 0), furthest)

    async def _bring(self, generation: Generation, log: LogName, position: int, furthest: int) -> None:
        while position < furthest:
            await self._apply(generation, log, min(BATCH, furthest - position))
            await self._conn.execute("SET LOCAL search_path TO DEFAULT")  # where the log is; a batch leaves it moved
            position = (await standing(self._conn, [generation]))[log, self._projection.name]

    async def _switch(self, live: Generation | None, fresh: Generation) -> None:
        """Show the new rows, which are then never behind the old ones; drop those."""

        async def switch() -> None:
            async with self._conn.transaction():
                if live is not None and live.version == fresh.version:
                    await self._level(live, fresh)
                await generations.switch(self._conn, self._projection, fresh)

        await _patiently(switch)
        if live is not None:
            await _patiently(partial(generations.drop, self._conn, live))

    async def _tell(self, fresh: Generation) -> None:
        heads = [await read.head(self._conn, log) for log in await read.logs(self._conn)]
        total = sum(head.position for head in heads if head)
        self._told(min(total, sum((await standing(self._conn, [fresh])).values())), total)
