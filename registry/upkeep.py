"""What a process does beside its work: following the read side, telling its metrics. Each runs until cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final

import asyncpg

from projections import checkpoints
from projections.runner import Runner
from projections.status_lists.files.publish import FilesProgress
from projections.status_lists.publish import Publisher
from projections.status_lists.view import PublishedLists
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable
from registry.http.metrics import Metrics
from registry.http.progress import Progress
from registry.log import read
from registry.log.connection import LOST, Pool
from registry.log.outage import Outage
from registry.vault.api_keys import ApiKeys
from registry.wiring import utc_now

POLL_S: Final = 0.25
BETWEEN_LOOKS_S: Final = 0.1
GAUGES_S: Final = 2.0
SETTLE_S: Final = 0.5
FLUSH_S: Final = 10.0

PASSING: Final = (*LOST, asyncpg.PostgresError, DatabaseUnavailable)
"""What upkeep survives: it is done again in a moment, and nothing that was acknowledged depends on it."""


@contextmanager
def _told(outage: Outage, who: str) -> Iterator[None]:
    """Survive what is `PASSING` in this block, and tell *outage* whether PostgreSQL answered."""
    try:
        yield
    except (*LOST, DatabaseUnavailable) as error:
        outage.lost(who, error)
    except PASSING:
        pass
    else:
        outage.found(who)


async def follow_progress(
    reader: Pool, progress: Progress, logs: Collection[LogName], wake: asyncio.Event, outage: Outage
) -> None:
    """Tell *progress* how far the projections are: on notifications, and every 250 ms.

    While somebody waits for a position, every notification counts; otherwise one look in 100 ms serves many of them.
    """
    while True:
        wake.clear()
        progress.awaited.clear()
        looked = monotonic()
        with _told(outage, "lookups"):
            for log in logs:
                now = utc_now()
                async with reader.acquire() as conn:
                    reached = await checkpoints.complete_until(conn, log, now)
                for projection, (position, time) in reached.items():
                    progress.saw(log, projection, position, time)
        await _is_set(wake, POLL_S)
        if not progress.is_awaited:
            await _is_set(progress.awaited, looked + BETWEEN_LOOKS_S - monotonic())


async def _is_set(event: asyncio.Event, within_s: float) -> None:
    """Return when *event* is set, or after *within_s*."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):  # wait_for of Python 3.11 can lose a cancellation
            await event.wait()


async def tell_logs(reader: Pool, metrics: Metrics, logs: Collection[LogName], outage: Outage) -> None:
    """Tell the heads of *logs*, and how far behind them each projection is."""
    while True:
        with _told(outage, "metrics"):
            async with reader.acquire() as conn:
                for lag in await checkpoints.lags(conn, logs, utc_now()):
                    metrics.projection_lag.labels(lag.projection, lag.log).set(lag.events)
                    metrics.projection_lag_seconds.labels(lag.projection, lag.log).set(lag.seconds)
                for log in logs:
                    head = await read.head(conn, log)
                    metrics.log_head.labels(log).set(head.position if head else 0)
                    for name, found in (await checkpoints.positions(conn, log)).items():
                        metrics.projection_position.labels(name, log).set(found.position)
        await asyncio.sleep(GAUGES_S)


async def tell_publishing(projecting: Runner, publisher: Publisher, metrics: Metrics) -> None:
    """Tell whether this process leads, what waits to be published, and what projecting failed at."""
    counted: dict[tuple[LogName, str], int] = {}
    while True:
        await asyncio.sleep(GAUGES_S)
        metrics.projecting.set(projecting.is_leading)
        every = list(publisher.progress.values())
        metrics.lists_dirty.set(sum(one.dirty for one in every))
        metrics.oldest_pending.set(max((one.oldest_pending_s(utc_now()) for one in every), default=0))
        for log, one in publisher.progress.items():
            metrics.publishing_halted.labels(log).set(one.halted is not None)
        soonest = [one.valid_until for one in every if one.valid_until is not None]
        if soonest:
            metrics.valid_until.set(min(soonest).timestamp())
        for key, times in projecting.failures.items():
            metrics.projection_errors.labels(key[1]).inc(times - counted.get(key, 0))
            counted[key] = times


async def tell_files(published: Sequence[FilesProgress], metrics: Metrics) -> None:
    """Tell what was written to files, and what waits to be."""
    told: tuple[int, ...] = (0, 0, 0)
    counters = (metrics.files_written, metrics.files_repaired, metrics.files_failures)
    while True:
        await asyncio.sleep(GAUGES_S)
        now = tuple(map(sum, zip(*((one.written, one.repaired, one.failures) for one in published), strict=True)))
        for counter, before, count in zip(counters, told, now, strict=True):
            counter.inc(count - before)
        told = now
        metrics.files_pending.set(sum(len(one.pending) for one in published))
        metrics.files_oldest_pending.set(max(one.oldest_s(utc_now()) for one in published))


async def flush_last_used(api_keys: ApiKeys) -> None:
    """Note when each API key was last used."""
    while True:
        await asyncio.sleep(FLUSH_S)
        with suppress(*PASSING):
            await api_keys.flush_last_used()


async def settled(lists: PublishedLists) -> None:
    """Return when no look at what is published is under way, or soon."""
    with suppress(DatabaseUnavailable, TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            await lists.refresh()
