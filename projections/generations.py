"""Generations of a projection's tables: one is live behind stable views, the next is filled beside it.

A generation's tables live in a schema of their own (`credential_status_2`); readers know only the views
`projections.<table>`, which a switch points elsewhere in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from projections.projection import Executor, Projection
from registry.domain.names import LogName

# generations is the one table without log_name: it tells which tables there are, not what is in them.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS projections.generations (
    projection text        NOT NULL,
    generation integer     NOT NULL,
    version    integer     NOT NULL,
    is_current boolean     NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, generation)
);
CREATE TABLE IF NOT EXISTS projections.checkpoints (
    log_name    text        NOT NULL,
    projection  text        NOT NULL,
    generation  integer     NOT NULL,
    position    bigint      NOT NULL,
    recorded_at timestamptz,                -- of the event at position; NULL at position 0
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log_name, projection, generation)
);
GRANT SELECT ON projections.generations, projections.checkpoints TO registry_writer;
"""

# no parameters
_LIST = """
SELECT projection, generation, version, is_current
  FROM projections.generations
 ORDER BY projection, generation
"""

# $1 projection, $2 version
_ADD = """
INSERT INTO projections.generations (projection, generation, version, is_current)
SELECT $1, coalesce(max(generation), 0) + 1, $2, false
  FROM projections.generations
 WHERE projection = $1
RETURNING generation
"""

# $1 projection, $2 generation
_MAKE_CURRENT = "UPDATE projections.generations SET is_current = (generation = $2) WHERE projection = $1"

# $1 projection, $2 generation
_FORGET = """
DELETE FROM projections.generations
 WHERE projection = $1 AND generation = $2 AND NOT is_current
RETURNING generation
"""
_FORGET_CHECKPOINTS = "DELETE FROM projections.checkpoints WHERE projection = $1 AND generation = $2"

# $1 log names, $2 projection, $3 generation
_BEGIN = """
INSERT INTO projections.checkpoints (log_name, projection, generation, position)
SELECT wanted.log_name, $2, $3, 0
  FROM unnest($1::text[]) AS wanted (log_name)
    ON CONFLICT (log_name, projection, generation) DO NOTHING
"""

# $1 schema, $2 table
_COLUMNS = """
SELECT attname
  FROM pg_catalog.pg_attribute
 WHERE attrelid = format('%I.%I', $1::text, $2::text)::regclass AND attnum > 0 AND NOT attisdropped
 ORDER BY attnum
"""

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('registry.projections'))"


@dataclass(frozen=True, slots=True)
class Generation:
    """One set of a projection's tables."""

    projection: str
    generation: int
    version: int
    """Of the projection whose code fills it."""
    is_current: bool
    """Whether the views show it."""

    @property
    def schema(self) -> str:
        """The PostgreSQL schema its tables live in."""
        return schema_of(self.projection, self.generation)


def schema_of(projection: str, generation: int) -> str:
    """Return the name of the PostgreSQL schema of one generation."""
    return f"{projection}_{generation}"


async def prepare(conn: Executor) -> None:
    """Create the schema `projections` and its bookkeeping, where they are missing."""
    async with conn.transaction():
        await conn.execute(_LOCK)
        if await conn.fetchval("SELECT to_regnamespace('projections') IS NULL"):
            await conn.execute("CREATE SCHEMA projections; GRANT USAGE ON SCHEMA projections TO registry_writer")
        if await conn.fetchval("SELECT to_regclass('projections.checkpoints') IS NULL"):
            await conn.execute(_SCHEMA)


async def known(conn: Executor) -> list[Generation]:
    """Return all generations there are, oldest first."""
    return [Generation(*row) for row in await conn.fetch(_LIST)]


def current(generations: Sequence[Generation], projection: str) -> Generation | None:
    """Return the generation that the views show, if there is one."""
    return next((one for one in generations if one.projection == projection and one.is_current), None)


def filled_by(generations: Sequence[Generation], projection: Projection) -> Generation | None:
    """Return the generation that this code fills: the live one if it is of its version, else its newest."""
    live = current(generations, projection.name)
    if live is not None and live.version == projection.version:
        return live
    ours = [one for one in generations if (one.projection, one.version) == (projection.name, projection.version)]
    return ours[-1] if ours else None


async def create(conn: Executor, projection: Projection) -> Generation:
    """Create the next, empty generation of *projection*; readers do not see it yet."""
    async with conn.transaction():
        await conn.execute(_LOCK)
        number = await conn.fetchval(_ADD, projection.name, projection.version)
        made = Generation(projection.name, number, projection.version, False)
        await conn.execute(f"DROP SCHEMA IF EXISTS {made.schema} CASCADE")  # of bookkeeping that was thrown away
        await conn.execute(f"CREATE SCHEMA {made.schema}")
        await conn.execute(f"SET LOCAL search_path TO {made.schema}")
        await conn.execute(projection.schema)
    return made


async def ensure(conn: Executor, projection: Projection) -> Generation:
    """Return the generation that this code fills; create it if there is none, whoever else tries the same."""
    async with conn.transaction():
        await conn.execute(_LOCK)
        return filled_by(await known(conn), projection) or await create(conn, projection)


async def begin(conn: Executor, generation: Generation, logs: Sequence[LogName]) -> None:
    """Set a checkpoint at position 0 for each of *logs* that has none."""
    await conn.execute(_BEGIN, list(logs), generation.projection, generation.generation)


async def switch(conn: Executor, projection: Projection, generation: Generation) -> None:
    """Show *generation* to readers from the commit on, in a transaction of the caller's or of its own.

    Locks the views in the order of `Projection.tables`.
    """
    async with conn.transaction():
        await conn.execute(_LOCK)
        for table in projection.tables:
            await _point(conn, table, generation.schema)
        await conn.execute(_MAKE_CURRENT, projection.name, generation.generation)


async def drop(conn: Executor, generation: Generation) -> None:
    """Remove a generation, unless the views show it."""
    async with conn.transaction():
        await conn.execute(_LOCK)
        if await conn.fetchval(_FORGET, generation.projection, generation.generation) is None:
            return
        await conn.execute(_FORGET_CHECKPOINTS, generation.projection, generation.generation)
        await conn.execute(f"DROP SCHEMA {generation.schema} CASCADE")


async def columns(conn: Executor, schema: str, table: str) -> str:
    """Return the columns of a table, quoted and separated by commas, in their order."""
    return ", ".join(f'"{row[0]}"' for row in await conn.fetch(_COLUMNS, schema, table))


async def _point(conn: Executor, table: str, schema: str) -> None:
    # Table and schema names are constants of the code, never input.
    view = f"projections.{table} AS SELECT {await columns(conn, schema, table)} FROM {schema}.{table}"  # noqa: S608
    try:
        async with conn.transaction():
            await conn.execute(f"CREATE OR REPLACE VIEW {view}")
    except asyncpg.InvalidTableDefinitionError:  # the new version lacks a column, or has another type for it
        await conn.execute(f"DROP VIEW projections.{table}")
        await conn.execute(f"CREATE VIEW {view}")
    await conn.execute(f"GRANT SELECT ON projections.{table} TO registry_writer")
