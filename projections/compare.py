"""Whether two generations hold the same rows."""

from __future__ import annotations

from dataclasses import dataclass

from projections.generations import Generation, columns
from projections.projection import Executor, Projection


@dataclass(frozen=True, slots=True)
class Difference:
    """A table whose rows are not the same."""

    table: str
    only_before: int
    """Rows that only the older generation has."""
    only_after: int
    """Rows that only the newer generation has."""

    def __str__(self) -> str:
        return f"{self.table} ({self.only_before} rows only before, {self.only_after} only after)"


async def differences(
    conn: Executor, projection: Projection, before: Generation, after: Generation
) -> list[Difference]:
    """Return the tables whose rows differ; run it in a snapshot in which both stand at the same positions.

    Rows are compared by count and a sum of hashes (one pass, no sorting); only tables that differ are compared row by
    row.
    """
    found = []
    for table in projection.tables:
        if await fingerprint(conn, before.schema, table) != await fingerprint(conn, after.schema, table):
            only_before = await _only_in(conn, before, after, table)
            found.append(Difference(table, only_before, await _only_in(conn, after, before, table)))
    return found


async def fingerprint(conn: Executor, schema: str, table: str) -> tuple[int, object]:
    """Return the number of rows of a table, and a sum of their hashes."""
    row = await conn.fetchrow(
        f"SELECT count(*), sum(hashtextextended(one::text, 0)) FROM {schema}.{table} AS one"  # noqa: S608
    )
    assert row is not None
    return row[0], row[1]


async def _only_in(conn: Executor, here: Generation, there: Generation, table: str) -> int:
    names = await columns(conn, here.schema, table)
    # Names of schemas, tables and columns are the code's, never input.
    query = f"SELECT {names} FROM {here.schema}.{table} EXCEPT ALL SELECT {names} FROM {there.schema}.{table}"  # noqa: S608
    count: int = await conn.fetchval(f"SELECT count(*) FROM ({query}) AS only_here")  # noqa: S608
    return count
