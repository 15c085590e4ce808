"""How much of the disk each table and index takes."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

# no parameters; an index belongs to its table's line, and so does what is stored out of line
_RELATIONS = """
SELECT table_of.nspname || '.' || made.relname AS name,
       pg_table_size(made.oid) AS rows_bytes, pg_indexes_size(made.oid) AS indexes_bytes
  FROM pg_class AS made
  JOIN pg_namespace AS table_of ON table_of.oid = made.relnamespace
 WHERE made.relkind = 'r' AND table_of.nspname NOT LIKE 'pg\\_%' AND table_of.nspname <> 'information_schema'
 ORDER BY pg_total_relation_size(made.oid) DESC
"""
_DATABASE = "SELECT pg_database_size(current_database())"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its rows and its indexes, in bytes."""

    name: str
    rows: int
    indexes: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """A database, largest table first."""

    tables: tuple[Table, ...]
    total: int

    def per_credential(self, credentials: int, least: float = 1) -> list[str]:
        """Return a line for each table that takes at least *least* bytes a credential."""
        lines = [f"{self.total / credentials:,.0f} B a credential, of which"]
        large = [one for one in self.tables if (one.rows + one.indexes) / credentials >= least]
        lines += [f"{one.name}: {one.rows / credentials:,.0f} + {one.indexes / credentials:,.0f} keys" for one in large]
        return lines


async def sizes_of(dsn: str) -> Sizes:
    """Return how large the database of *dsn* is."""
    conn = await asyncpg.connect(dsn)
    try:
        rows = await conn.fetch(_RELATIONS)
        return Sizes(tuple(Table(*row) for row in rows), await conn.fetchval(_DATABASE))
    finally:
        await conn.close()
