"""Tails the logs: a batch and its checkpoints in one transaction; a notification wakes it, polling guarantees it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from projections import generations, lease
from projections.advance import BATCH, Overtaken, Target, advance
from projections.backoff import Backoff, Key
from projections.checkpoints import standing
from projections.generations import Generation, schema_of
from projections.pace import Pace
from projections.pages import Pages
from projections.projection import Projection
from projections.statistics import Statistics
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable
from registry.log import read
from registry.log.connection import LOST, connect, reason
from registry.log.outage import Outage

Connection = asyncpg.Connection

_WHO = "projecting"
POLL_S = 0.25
LEASE_POLL_S = 1.0
STANDING_BY_S = 3.0
"""Who gets the lease sooner waited for one that was just leaving."""

_log = logging.getLogger(__name__)


class Outdated(Exception):
    """The live rows are of a newer version than this process knows; it must not lead."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Projections of one log that stand at the same position: their batch is read once and applied together."""

    log: LogName
    position: int
    targets: tuple[Target, ...]

    @property
    def keys(self) -> list[Key]:
        return [(self.log, target.projection.name) for target in self.targets]

    @property
    def schemas(self) -> list[str]:
        return [schema_of(target.projection.name, target.generation) for target in self.targets]


class Runner:
    """Keeps projections up to date, alone among all processes that run one; *dsn* speaks as `registry_projector`.

    *logs* None means all logs there are, also those opened later. *monotonic* (seconds) times the back-off.
    That PostgreSQL is away is told to *outage*.
    """

    def __init__(
        self,
        dsn: str,
        projections: Sequence[Projection],
        *,
        logs: Sequence[LogName] | None = None,
        batch: int = BATCH,
        monotonic: Callable[[], float] = time.monotonic,
        outage: Outage | None = None,
    ) -> None:
        self._dsn = dsn
        self._projections = tuple(projections)
        self._logs = logs
        self._batch = batch
        self._backoff = Backoff(monotonic)
        self._pace = Pace(monotonic)
        self._statistics = Statistics()
        self._outage = outage or Outage()
        self._woken = asyncio.Event()
        self.is_leading = False
        """Whether this process is the one that projects."""
        self.failures: Counter[Key] = Counter()
        """Failed batches by (log, projection), for metrics; a failed batch is tried again, never skipped."""
        self.events: Counter[Key] = Counter()
        """Events applied by (log, projection), for metrics."""

    def wake(self) -> None:
        """Look at the logs now instead of at the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Wait for the lease, then project until cancelled; a lost connection is replaced."""
        while True:
            try:
                await self._take_part()
            except (*LOST, DatabaseUnavailable) as error:
                self._outage.lost(_WHO, error)
            except (asyncpg.PostgresError, Outdated) as error:
                _log.warning("projecting stops for a moment: %s", reason(error))
            await asyncio.sleep(max(LEASE_POLL_S, self._outage.pause_s))

    async def catch_up(self) -> None:
        """Project everything there is, without the lease, and make new generations live; then return.

        Raises what a projection raises. Harmless beside a running `Runner`: checkpoints are compared and set.
        """
        conn = await connect(self._dsn)
        pages = Pages(self._dsn, most=self._batch)
        try:
            await generations.prepare(conn)
            while await self._round(conn, pages, is_strict=True):
                pass
        finally:
            await pages.close()
            await _close(conn)

    async def _take_part(self) -> None:
        conn = await connect(self._dsn)
        pages = Pages(self._dsn, most=self._batch)
        try:
            await conn.add_listener(read.CHANNEL, self._on_notification)
            self._outage.found(_WHO)
            await self._lead(conn)
            await generations.prepare(conn)
            while True:
                self._woken.clear()
                if not await self._round(conn, pages):
                    await self._rest()
        finally:
            self.is_leading = False
            await pages.close()
            await _close(conn)

    async def _lead(self, conn: Connection) -> None:
        """Wait for the lease on *conn*; who has to stand by for it says so, and when that ends."""
        began, is_told = time.monotonic(), False
        while not await conn.fetchval(lease.TAKE):  # PostgreSQL does not tell when a lock is free
            if not is_told and time.monotonic() - began >= STANDING_BY_S:
                _log.warning("another process projects; this one stands by, and takes over when that one ends")
                is_told = True
            await asyncio.sleep(LEASE_POLL_S)
        self.is_leading = True
        _log.log(logging.WARNING if is_told else logging.INFO, "this process projects from now on")

    def _on_notification(self, conn: Any, pid: int, channel: str, payload: object) -> None:
        self._woken.set()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._woken.wait()

    async def _round(self, conn: Connection, pages: Pages, *, is_strict: bool = False) -> bool:
        """Give every log one batch (so that none starves another); return whether anything moved."""
        filled = await self._generations(conn)
        logs = await read.logs(conn) if self._logs is None else self._logs
        moved = False
        behind: set[str] = set()
        for group in await self._groups(conn, filled, logs):
            count = await self._step(conn, pages, group, is_strict=is_strict)
            moved = moved or bool(count)
            await self._tell(conn, group, count or 0)
            if count is None or count >= self._batch:
                behind.update(target.projection.name for target in group.targets)
        ready = [one for one in self._projections if one.name not in behind and not filled[one.name].is_current]
        for projection in ready:
            await self._go_live(conn, projection, filled[projection.name])
        return moved or bool(ready)

    async def _generations(self, conn: Connection) -> dict[str, Generation]:
        """Return which generation to fill, by projection; create what is missing."""
        there = await generations.known(conn)
        filled = {}
        for projection in self._projections:
            live = generations.current(there, projection.name)
            if live is not None and live.version > projection.version:
                raise Outdated(
                    f"the rows of {projection.name} have version {live.version}, and this process knows only version "
                    f"{projection.version}; a newer one must project"
                )
            ours = generations.filled_by(there, projection)
            filled[projection.name] = ours or await generations.ensure(conn, projection)
        return filled

    async def _groups(self, conn: Connection, filled: dict[str, Generation], logs: Sequence[LogName]) -> list[_Group]:
        stands = await standing(conn, list(filled.values()))
        for generation in filled.values():
            missing = [log for log in logs if (log, generation.projection) not in stands]
            if missing:
                await generations.begin(conn, generation, missing)
                stands.update({(log, generation.projection): 0 for log in missing})
        groups: dict[tuple[LogName, int, str], list[Target]] = {}
        for log in logs:
            for projection in self._projections:
                name = projection.name
                alone = name if self._backoff.is_failing((log, name)) else ""
                together = groups.setdefault((log, stands[log, name], alone), [])
                together.append(Target(projection, filled[name].generation))
        return [_Group(log, position, tuple(targets)) for (log, position, _), targets in groups.items()]

    async def _step(self, conn: Connection, pages: Pages, group: _Group, *, is_strict: bool) -> int | None:
        """Apply one batch and return how many events it had; None if it cannot be applied for now."""
        if not is_strict and not self._backoff.is_due(group.keys):
            return None
        try:
            batch = await pages.after(conn, group.log, group.position)
            if batch:
                await advance(conn, group.log, group.targets, group.position, batch)
        except Overtaken:
            return self._batch  # somebody moved it: look again
        except Exception as error:
            if is_strict or conn.is_closed() or isinstance(error, LOST):
                raise
            self._note_failure(group, error)
            return None
        self._backoff.worked(group.keys)
        self.events.update({key: len(batch) for key in group.keys})
        await self._statistics.grown(conn, group.schemas, len(batch))
        return len(batch)

    async def _tell(self, conn: Connection, group: _Group, count: int) -> None:
        """Say how catching up goes, after *count* events more."""
        position = group.position + count
        if count < self._batch:
            self._pace.caught_up(group.log)
        elif self._pace.is_due(group.log, position):
            head = await read.head(conn, group.log)
            _log.info("%s", self._pace.line(group.log, position, head.position if head else position))

    async def _go_live(self, conn: Connection, projection: Projection, generation: Generation) -> None:
        await generations.switch(conn, projection, generation)
        for older in await generations.known(conn):
            if older.projection == projection.name and older.generation < generation.generation:
                await generations.drop(conn, older)

    def _note_failure(self, group: _Group, error: Exception) -> None:
        self._backoff.failed(group.keys)
        self.failures.update(group.keys)
        names = ", ".join(target.projection.name for target in group.targets)
        _log.error("%s stays at position %d of the log %s", names, group.position, group.log, exc_info=error)


async def _close(conn: Connection) -> None:
    try:
        await conn.close(timeout=2)
    except (*LOST, asyncpg.PostgresError):
        conn.terminate()
