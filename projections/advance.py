"""One batch into one or more projections: rows and checkpoints in one transaction, exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from projections.generations import schema_of
from projections.projection import Executor, Projection
from registry.domain.events import Recorded
from registry.domain.names import LogName
from registry.errors import BrokenLog
from registry.log import read

CHANNEL = "registry_projections"
"""The notification sent with every committed batch, with the log's name; a hint, never a guarantee."""

BATCH = 2_000

# $1 log_name, $2 projections, $3 their generations, $4 expected position, $5 new position, $6 its recorded_at,
# $7 schemas, $8 channel; returns a row for each that was moved
# The rows that follow go to the tables of these schemas: the search path lasts until the transaction ends. So does that
# no table is read whole to change some of its rows, as is planned for one that was filled faster than it is analysed.
# Locks are taken in the order of names, whoever else moves some of the same.
_MOVE = """
WITH held AS (
    SELECT one.projection, one.generation
      FROM projections.checkpoints AS one
      JOIN unnest($2::text[], $3::integer[]) AS wanted (projection, generation)
        ON one.projection = wanted.projection AND one.generation = wanted.generation
     WHERE one.log_name = $1 AND one.position = $4
     ORDER BY one.projection, one.generation
       FOR UPDATE OF one
)
UPDATE projections.checkpoints AS checkpoint
   SET position = $5, recorded_at = $6, updated_at = now()
  FROM held
 WHERE checkpoint.log_name = $1 AND checkpoint.projection = held.projection AND checkpoint.generation = held.generation
RETURNING set_config('search_path', $7, true), set_config('enable_seqscan', 'off', true), pg_notify($8, $1)
"""


class Overtaken(Exception):
    """Another process has moved the checkpoint, or removed the generation; nothing was written."""


@dataclass(frozen=True, slots=True)
class Target:
    """A generation to be filled."""

    projection: Projection
    generation: int


async def read_batch(conn: Executor, log: LogName, position: int, limit: int = BATCH) -> list[Recorded]:
    """Return up to *limit* events after *position*; raise `BrokenLog` at a gap, which no projection may step over."""
    batch = await read.after(conn, log, position, limit)
    if batch and batch[-1].position != position + len(batch):
        wrong = next(want for want, one in enumerate(batch, position + 1) if one.position != want)
        raise BrokenLog(f"Position {wrong} of the log {log} is missing; run `registry verify-log`.", position=wrong)
    return batch


async def advance(
    conn: Executor, log: LogName, targets: Sequence[Target], position: int, batch: Sequence[Recorded]
) -> None:
    """Apply *batch* to *targets*, which all stand at *position*; all of it to all of them, or nothing.

    Raises `Overtaken` if one of them stands elsewhere: the checkpoint is compared and set in this transaction, so a
    second runner waits for the first one's row lock and then finds that it is late.
    """
    last = batch[-1]
    names = [target.projection.name for target in targets]
    numbers = [target.generation for target in targets]
    schemas = ", ".join(map(schema_of, names, numbers))
    async with conn.transaction():
        moved = await conn.fetch(
            _MOVE, log, names, numbers, position, last.position, last.recorded_at, schemas, CHANNEL
        )
        if len(moved) != len(targets):
            raise Overtaken(f"Not all of {schemas} are at position {position} of the log {log} any more")
        for target in targets:
            await target.projection.project(conn, log, batch)
