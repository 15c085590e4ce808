"""Rebuilds a projection: fills a generation beside the live one, compares, switches; readers never see half."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import asyncpg

from projections import generations
from projections.advance import BATCH, Overtaken, Target, advance, read_batch
from projections.checkpoints import standing
from projections.compare import Difference, differences
from projections.generations import Generation
from projections.pages import Pages
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
    (done,) = await rebuild_together(dsn, [projection], progress=progress, accept_difference=accept_difference)
    return done


async def rebuild_together(
    dsn: str, projections: Sequence[Projection], *, progress: Told | None = None, accept_difference: bool = False
) -> list[Rebuilt]:
    """Do as `rebuild` for each of *projections*, reading the log once; where one is refused, the others go live."""
    conn = await connect(dsn, _PATIENT)
    pages = Pages(dsn, _PATIENT)
    try:
        for projection in projections:
            if not await conn.fetchval(_ALONE, projection.name):
                raise Unfit(f"Another rebuild of {projection.name} is running; wait for its end.")
        await conn.execute("SET synchronous_commit = off")  # a crash loses rows only with their checkpoint
        await generations.prepare(conn)
        rebuilds = [_Rebuild(conn, pages, projection, progress or _tell_nobody) for projection in projections]
        return await _run(conn, pages, rebuilds, accept_difference=accept_difference)
    finally:
        await pages.close()
        await conn.close()


async def _run(
    conn: Connection, pages: Pages, rebuilds: Sequence[_Rebuild], *, accept_difference: bool
) -> list[Rebuilt]:
    for one in rebuilds:
        await one.begin()
    await _fill(conn, pages, rebuilds)
    done: list[Rebuilt] = []
    refused: list[Unfit] = []
    for one in rebuilds:
        try:
            done.append(await one.finish(accept_difference=accept_difference))
        except Unfit as error:
            refused.append(error)
    if refused:
        raise Unfit(" ".join(map(str, refused)))
    return done


async def _fill(conn: Connection, pages: Pages, rebuilds: Sequence[_Rebuild]) -> None:
    """Apply every log to its end, to all in one go; a runner may fill one of the same generations meanwhile."""
    logs = await read.logs(conn)
    for one in rebuilds:
        await generations.begin(conn, one.fresh, logs)
    for log in logs:
        while await _step(conn, pages, log, rebuilds):
            await _tell(conn, rebuilds)
    await _tell(conn, rebuilds)


async def _step(conn: Connection, pages: Pages, log: LogName, rebuilds: Sequence[_Rebuild]) -> bool:
    """Apply a page to those that are furthest behind, up to where the next ones stand; return whether there was one."""
    stands = await standing(conn, [one.fresh for one in rebuilds])
    positions = sorted({stands[log, one.fresh.projection] for one in rebuilds})
    page = await pages.after(conn, log, positions[0])
    if len(positions) > 1:
        page = page[: positions[1] - positions[0]]
    if page:
        targets = [one.target for one in rebuilds if stands[log, one.fresh.projection] == positions[0]]
        with suppress(Overtaken):
            await advance(conn, log, targets, positions[0], page)
    return bool(page)


async def _tell(conn: Connection, rebuilds: Sequence[_Rebuild]) -> None:
    """Tell how far the one is that is furthest behind."""
    heads = [await read.head(conn, log) for log in await read.logs(conn)]
    total = sum(head.position for head in heads if head)
    done = min([sum((await standing(conn, [one.fresh])).values()) for one in rebuilds])
    rebuilds[0].told(min(total, done), total)


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
    """Of one projection."""

    fresh: Generation
    """The one that is filled, from `begin` on."""

    def __init__(self, conn: Connection, pages: Pages, projection: Projection, told: Told) -> None:
        self._conn = conn
        self._pages = pages
        self._projection = projection
        self._live: Generation | None = None
        self.told = told

    @property
    def target(self) -> Target:
        return Target(self._projection, self.fresh.generation)

    async def begin(self) -> None:
        """Choose what to fill; remove what rebuilds that were broken off have left."""
        there = await generations.known(self._conn)
        self._live = live = generations.current(there, self._projection.name)
        runners = generations.filled_by(there, self._projection)
        for left in there:
            if left.projection == self._projection.name and left not in (live, runners):
                await _patiently(partial(generations.drop, self._conn, left))
        is_new = live is not None and live == runners
        make = generations.create if is_new else generations.ensure
        self.fresh = await make(self._conn, self._projection)

    async def finish(self, *, accept_difference: bool) -> Rebuilt:
        """Compare and switch, once it is filled."""
        live, fresh = self._live, self.fresh
        found: list[Difference] = []
        is_compared = live is not None and live.version == fresh.version
        if live is not None and is_compared:
            found = await self._compare(live, fresh)
            if found and not accept_difference:
                told = "; ".join(map(str, found))
                raise Unfit(f"The rebuilt rows of {self._projection.name} differ from the live ones: {told}.")
            await _fill(self._conn, self._pages, [self])
        await self._switch(live, fresh)
        return Rebuilt(self._projection.name, fresh.generation, is_compared, tuple(found))

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
