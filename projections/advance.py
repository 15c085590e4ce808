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

# $1 log_name, $2 projection, $3 generation, $4 expected position, $5 new position, $6 its recorded_at, $7 schema
# The rows that follow go to the tables of this schema: the search path lasts until the transaction ends. So does that
# no table is read whole to change some of its rows, as is planned for one that was filled faster than it is analysed.
_MOVE = """
UPDATE projections.checkpoints
   SET position = $5, recorded_at = $6, updated_at = now()
 WHERE log_name = $1 AND projection = $2 AND generation = $3 AND position = $4
RETURNING set_config('search_path', $7, true), set_config('enable_seqscan', 'off', true)
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
    async with conn.transaction():
        for target in targets:
            name, number = target.projection.name, target.generation
            schema = schema_of(name, number)
            moved = await conn.fetchrow(_MOVE, log, name, number, position, last.position, last.recorded_at, schema)
            if moved is None:
                raise Overtaken(f"{schema} of the log {log} is no longer at position {position}")
            await target.projection.project(conn, log, batch)
        await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, log)
