"""Reading the log: one stream for a decision, everything after a position for a projection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection, Pool
from asyncpg.pool import PoolConnectionProxy

from registry.domain.events import Recorded
from registry.domain.names import LogName, Stream
from registry.errors import BrokenLog
from registry.log.codec import decode
from registry.log.codec import log_id as id_of
from registry.log.sql import query

Executor = Connection | PoolConnectionProxy | Pool

CHANNEL = "registry_log"
"""The notification sent once per committed batch, with the log's name; a hint, never a guarantee."""

_AT_A_TIME = 250
"""Events that are decoded before others get their turn on the loop: about a millisecond's worth."""

_AFTER = query("read_after")
_STREAM = query("read_stream")
_STREAMS = query("read_streams")
_OF_TYPE = query("read_type")
_WITHIN = query("read_within")
_RECORDED_AT = query("read_recorded_at")
_HEAD = query("read_head")
_HASH = query("read_hash")
_LOGS = query("read_logs")
_CONTAINING = query("read_containing")
_KEPT = query("read_kept")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log."""

    position: int
    hash: bytes
    recorded_at: datetime


async def after(conn: Executor, log: LogName, position: int, limit: int) -> list[Recorded]:
    """Return up to *limit* events after *position*, in order; whoever has seen N has seen everything before N."""
    rows = await conn.fetch(_AFTER, log, position, limit)
    events: list[Recorded] = []
    for start in range(0, len(rows), _AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        events += [decode(row[0], row[1]) for row in rows[start : start + _AT_A_TIME]]
    return events


async def stream(conn: Executor, log: LogName, name: Stream) -> list[Recorded]:
    """Return all events of one stream, oldest first."""
    return [decode(row[0], row[1]) for row in await conn.fetch(_STREAM, log, name)]


async def streams(conn: Executor, log: LogName, names: Sequence[Stream], position: int) -> list[Recorded]:
    """Return all events of *names* up to *position*, in the order of the log."""
    return [decode(row[0], row[1]) for row in await conn.fetch(_STREAMS, log, list(names), position)]


async def of_type(conn: Executor, log: LogName, type_name: str) -> list[Recorded]:
    """Return all events of one type; reads the whole log, so it is for rare commands only."""
    return [decode(row[0], row[1]) for row in await conn.fetch(_OF_TYPE, log, type_name)]


async def within(
    conn: Executor, log: LogName, bounds: tuple[int, int], type_name: str, stream_prefix: str, limit: int
) -> list[Recorded]:
    """Return up to *limit* events of one type after the first and up to the second position of *bounds*, in order.

    Only those of streams that begin with *stream_prefix*. All events between the bounds are looked at.
    """
    rows = await conn.fetch(_WITHIN, log, *bounds, type_name, stream_prefix, limit)
    return [decode(row[0], row[1]) for row in rows]


async def containing(
    conn: Executor,
    log: LogName,
    bounds: tuple[int, int],
    type_name: str,
    stream_prefix: str,
    parts: Sequence[bytes],
    limit: int,
) -> list[Recorded]:
    """Return what `within` does, of events whose stored form contains each of *parts*: it is canonical JSON."""
    rows = await conn.fetch(_CONTAINING, log, *bounds, type_name, stream_prefix, list(parts), limit)
    return [decode(row[0], row[1]) for row in rows]


async def before(conn: Executor, log: LogName, moment: datetime) -> int:
    """Return the last position that was recorded before *moment*, 0 if none was; by halving: moments never go back."""
    end = await head(conn, log)
    low, high = 0, end.position if end else 0
    while low < high:
        middle = (low + high + 1) // 2
        recorded_at = await conn.fetchval(_RECORDED_AT, log, middle)
        low, high = (middle, high) if recorded_at < moment else (low, middle - 1)
    return low


async def head(conn: Executor, log: LogName) -> Head | None:
    """Return the end of *log*, or None if it was never opened."""
    row = await conn.fetchrow(_HEAD, log)
    return Head(row["position"], row["hash"], row["recorded_at"]) if row else None


async def log_id(conn: Executor, log: LogName) -> str:
    """Return the id that every event of *log* carries; raise `BrokenLog` if position 1 is missing."""
    rows = await conn.fetch(_AFTER, log, 0, 1)
    if not rows or rows[0]["position"] != 1:
        raise BrokenLog(f"The log {log!r} has no position 1.", position=1)
    return id_of(rows[0]["body"])


async def hash_at(conn: Executor, log: LogName, position: int) -> bytes | None:
    """Return the chain's hash at *position*, or None if the log does not reach it."""
    value: bytes | None = await conn.fetchval(_HASH, log, position)
    return value


async def logs(conn: Executor) -> list[LogName]:
    """Return the names of all opened logs."""
    return [LogName(row[0]) for row in await conn.fetch(_LOGS)]


async def kept(
    conn: Executor, log: LogName, caller: str, keys: Sequence[str], *, with_answers: bool
) -> list[tuple[str, bytes | None]]:
    """Return those of *keys* that requests of *caller* were answered under, in their order, with what was answered."""
    return [(row["key"], row["answer"]) for row in await conn.fetch(_KEPT, log, caller, list(keys), with_answers)]
