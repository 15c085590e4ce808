"""The publisher's day: new lists at once, everything else on the tick, and trouble in one log kept to that log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic

import asyncpg

from projections.status_lists.publish import Publisher
from registry.domain.names import LogName
from registry.errors import ForkedLog
from registry.log.connection import LOST, reason
from registry.log.outage import Outage

POLL_S = 0.25
"""How long a new list waits at most when the notification is lost."""

REMEMBER_S = 1.0
"""How often the file outside the database is brought up to a log that has grown."""

_SHORTEST_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 15.0
_WHO = "publishing"
_log = logging.getLogger(__name__)


async def publish_for_ever(
    publisher: Publisher,
    logs: Callable[[], Awaitable[Sequence[LogName]]],
    *,
    tick_s: float,
    wake: asyncio.Event,
    outage: Outage | None = None,
) -> None:
    """Publish until cancelled: what is new whenever *wake* is set (or 250 ms passed), everything each *tick_s*.

    A log that cannot be published is tried again, ever more slowly up to 15 s, and counted; the others go on. That
    PostgreSQL is away is told to *outage*.
    """
    outage = outage or Outage()
    pauses: dict[LogName, tuple[float, float]] = {}
    next_tick = next_memory = monotonic()
    while True:
        is_tick, must_remember = monotonic() >= next_tick, monotonic() >= next_memory
        if is_tick:
            next_tick = max(next_tick + tick_s, monotonic())
        if must_remember:
            next_memory = monotonic() + REMEMBER_S
        for log in await _named(logs, outage):
            pause_s, until = pauses.get(log, (0.0, 0.0))
            if monotonic() < until:
                continue
            if await _one_pass(publisher, log, outage, is_tick=is_tick, must_remember=must_remember):
                pauses.pop(log, None)
            else:
                pause_s = min(max(pause_s * 2, _SHORTEST_BACKOFF_S), _LONGEST_BACKOFF_S)
                pauses[log] = (pause_s, monotonic() + pause_s)
        with suppress(TimeoutError):
            # not wait_for, which can lose a cancellation in Python 3.11
            async with asyncio.timeout(max(0.0, min(POLL_S, next_tick - monotonic()))):
                await wake.wait()
        wake.clear()


async def _one_pass(publisher: Publisher, log: LogName, outage: Outage, *, is_tick: bool, must_remember: bool) -> bool:
    """Publish what is due in *log*; whether that went well."""
    try:
        await (publisher.publish(log) if is_tick else publisher.publish_new(log))
        if must_remember:
            await publisher.remember(log)
    except ForkedLog:
        return False  # the publisher has raised the alarm, and keeps the sentence
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):  # or its new version is not
        _log.debug("the projection is not live yet", extra={"log": log})
    except TimeoutError as error:  # of one statement: PostgreSQL may answer all others
        publisher.progress_of(log).errors += 1
        _log.warning("publishing waits for PostgreSQL: %s", reason(error), extra={"log": log})
        return False
    except LOST as error:
        publisher.progress_of(log).errors += 1
        outage.lost(_WHO, error)
        return False
    except Exception:  # noqa: BLE001  # a defect in one log must not stop the others
        publisher.progress_of(log).errors += 1
        _log.exception("publishing failed, it is tried again", extra={"log": log})
        return False
    return True


async def _named(logs: Callable[[], Awaitable[Sequence[LogName]]], outage: Outage) -> Sequence[LogName]:
    try:
        found = await logs()
    except LOST as error:
        outage.lost(_WHO, error)
        await asyncio.sleep(outage.pause_s)
        return ()
    except Exception:  # noqa: BLE001  # a defect in one log must not stop the others
        _log.exception("the logs to publish cannot be listed, this is tried again")
        return ()
    outage.found(_WHO)
    return found
