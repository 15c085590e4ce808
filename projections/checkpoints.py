"""How far each projection has come in each log, and how far it is behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from projections.generations import Generation
from projections.projection import Executor
from registry.domain.names import LogName
from registry.log import read

# $1 log_name
_LIVE = """
SELECT checkpoints.projection, checkpoints.position, checkpoints.recorded_at
  FROM projections.checkpoints
  JOIN projections.generations
    ON generations.projection = checkpoints.projection
   AND generations.generation = checkpoints.generation
   AND generations.is_current
 WHERE checkpoints.log_name = $1
"""

# $1 projections, $2 generations
_STANDING = """
SELECT checkpoints.log_name, checkpoints.projection, checkpoints.position
  FROM projections.checkpoints
  JOIN unnest($1::text[], $2::integer[]) AS wanted (projection, generation)
    ON wanted.projection = checkpoints.projection AND wanted.generation = checkpoints.generation
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to `position` is in the rows; `recorded_at` is that event's time, None at position 0."""

    position: int
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a live projection is behind its log."""

    log: LogName
    projection: str
    events: int
    seconds: float
    """The age of the oldest event it has not seen; 0 when it has seen all."""


async def positions(conn: Executor, log: LogName) -> dict[str, Checkpoint]:
    """Return the checkpoint of each live projection of *log*; none before the first generation is live."""
    return {row[0]: Checkpoint(row[1], row[2]) for row in await conn.fetch(_LIVE, log)}


async def standing(conn: Executor, generations: Sequence[Generation]) -> dict[tuple[LogName, str], int]:
    """Return the position of each (log, projection) in the given *generations*."""
    names = [one.projection for one in generations]
    numbers = [one.generation for one in generations]
    return {(LogName(row[0]), row[1]): row[2] for row in await conn.fetch(_STANDING, names, numbers)}


async def complete_until(conn: Executor, log: LogName, now: datetime) -> dict[str, tuple[int, datetime]]:
    """Return per live projection its position and the moment up to which its rows are known to be complete.

    That is *now* (read before this is called) if nothing was recorded since, else the last seen event's time.
    """
    checkpoints = await positions(conn, log)
    head = await read.head(conn, log)
    end = head.position if head else 0
    return {
        name: (found.position, now if found.position >= end else found.recorded_at or _BEGINNING)
        for name, found in checkpoints.items()
    }


async def lags(conn: Executor, logs: Iterable[LogName], now: datetime) -> list[Lag]:
    """Return how far each live projection of each of *logs* is behind, in events and in seconds."""
    return [lag for log in logs for lag in await _lags(conn, log, now)]


async def _lags(conn: Executor, log: LogName, now: datetime) -> list[Lag]:
    checkpoints = await positions(conn, log)
    head = await read.head(conn, log)
    end = head.position if head else 0
    ages: dict[int, float] = {}
    for position in {found.position for found in checkpoints.values()}:
        oldest = await read.after(conn, log, position, 1) if position < end else []
        ages[position] = max(0.0, (now - oldest[0].recorded_at).total_seconds()) if oldest else 0.0
    return [
        Lag(log, name, max(0, end - found.position), ages[found.position])
        for name, found in sorted(checkpoints.items())
    ]


_BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
