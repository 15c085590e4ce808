"""How far what is projected is behind the logs, in words: for `registry doctor`, and for readiness."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import asyncpg

from projections import checkpoints, lease
from projections.checkpoints import Lag
from projections.projection import Executor
from registry.domain.names import LogName

LATE_S: Final = 5.0
"""The age of an event from which on it should have been projected; that usually takes tens of milliseconds."""

_NOT_THERE = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)


async def is_begun(conn: Executor, log: LogName) -> bool:
    """Return whether *log* was ever projected; in a deployment that was just set up it was not."""
    try:
        return bool(await checkpoints.positions(conn, log))
    except _NOT_THERE:
        return False


async def late(conn: Executor, logs: Iterable[LogName], now: datetime) -> dict[LogName, Lag]:
    """Return the projection that is most behind, for each of *logs* that has one behind for more than `LATE_S`."""
    found = [one for one in await checkpoints.lags(conn, logs, now) if one.seconds > LATE_S]
    return {one.log: one for one in sorted(found, key=lambda lag: lag.events)}


def extent(lag: Lag) -> str:
    """Return how far it is behind: `1 event behind, for 17 s`."""
    return f"{lag.events} event{'' if lag.events == 1 else 's'} behind, for {_time(lag.seconds)}"


async def complaint(conn: Executor, log: LogName, now: datetime) -> str | None:
    """Return what is wrong with the projecting of *log*, which was begun, and what to do; None: nothing."""
    behind = (await late(conn, [log], now)).get(log)
    if await lease.is_taken(conn):
        return f"{extent(behind)}. {_PAST} The log of `registry project` says why." if behind else None
    start = "No process projects and publishes: start `registry project` (`registry dev` is one, while it runs)."
    return f"{extent(behind)}. {_PAST} {start}" if behind else f"{start} {_EXPIRE}"


_PAST = "Until they have caught up, lookups and verification tell the past, and no newer list is published."

_EXPIRE = "Until then nothing is published or signed anew, and the lists that are out expire within hours."


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
