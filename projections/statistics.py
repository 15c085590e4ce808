"""Keeps what PostgreSQL knows of a projection's tables in step with how fast they are filled.

A plan that was made and kept while a table was empty takes any index that fits, and reads all of a log by it; and
autovacuum counts the rows only about a minute later. Until then a first batch would make every lookup slow.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

import asyncpg

from projections.projection import Executor
from registry.log.connection import reason

_log = logging.getLogger(__name__)

AT = (1_000, 10_000, 100_000)
"""Events applied by this process, after which tables are looked at again; later, autovacuum keeps up by itself."""

# $1 schema, $2 rows; tables that PostgreSQL believes to have fewer (-1: it never looked)
_TABLES = """
SELECT format('%I.%I', spaces.nspname, tables.relname)
  FROM pg_class AS tables
  JOIN pg_namespace AS spaces ON spaces.oid = tables.relnamespace
 WHERE spaces.nspname = $1 AND tables.relkind = 'r' AND tables.reltuples < $2
 ORDER BY tables.relname
"""


class Statistics:
    """Counts what was applied to each schema of a generation, and analyses tables that were smaller before."""

    def __init__(self, at: tuple[int, ...] = AT) -> None:
        self._at = at
        self._applied: Counter[str] = Counter()

    async def grown(self, conn: Executor, schemas: Iterable[str], events: int) -> None:
        """Take note that so many *events* more are in the tables of *schemas*, whose owner *conn* is."""
        for schema in schemas:
            before = self._applied[schema]
            self._applied[schema] += events
            if any(before < one <= self._applied[schema] for one in self._at):
                await self._look(conn, schema)

    async def _look(self, conn: Executor, schema: str) -> None:
        """Analyse the tables that were smaller; nothing stops because that cannot be done."""
        try:
            for table in await conn.fetch(_TABLES, schema, self._applied[schema]):
                await conn.execute(f"ANALYZE {table[0]}")
        except asyncpg.PostgresError as error:
            _log.warning("tables of %s are not analysed: %s", schema, reason(error))
