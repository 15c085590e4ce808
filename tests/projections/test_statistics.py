"""PostgreSQL knows how many rows there are soon after they are written, not a minute later."""

import asyncpg

from projections.catalog import PROJECTIONS
from projections.generations import schema_of
from projections.runner import Runner
from projections.statistics import AT, Statistics
from tests.builders import LOG
from tests.projections.test_runner import a_history, reached, running
from tests.projections.writing import write

KNOWN = """
SELECT c.reltuples FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2
"""


async def known_rows(dsn: str, schema: str, table: str) -> float:
    """How many rows PostgreSQL believes a table to have; -1: it never looked."""
    conn = await asyncpg.connect(dsn)
    try:
        return await conn.fetchval(KNOWN, schema, table)
    finally:
        await conn.close()


async def test_tables_are_looked_at_when_they_have_grown(database):
    await Runner(database.projector, PROJECTIONS).catch_up()
    statistics, schema = Statistics((3, 10)), schema_of("credential_status", 1)
    conn = await asyncpg.connect(database.projector)
    try:
        await statistics.grown(conn, [schema], 2)
        assert await known_rows(database.projector, schema, "credentials") == -1
        await statistics.grown(conn, [schema], 7)
        assert await known_rows(database.projector, schema, "credentials") == 0
    finally:
        await conn.close()


async def test_a_runner_tells_how_much_it_has_applied(database):
    history = a_history()
    issuer = history.issuer("many")
    for number in range(AT[0]):
        history.credential(issuer, f"urn:many:{number}")
    await write(database.owner, history)
    async with running(Runner(database.projector, PROJECTIONS)):
        await reached(database.writer, LOG, len(history.recorded))
        history.credential(issuer, "urn:many:last")  # what was applied before it has been counted by then
        await write(database.owner, history)
        await reached(database.writer, LOG, len(history.recorded))
    assert await known_rows(database.projector, schema_of("credential_status", 1), "credentials") >= AT[0]


async def test_a_table_that_is_known_to_be_large_is_left_alone(database):
    history = a_history()
    await write(database.owner, history)
    await Runner(database.projector, PROJECTIONS).catch_up()
    schema, table = schema_of("credential_status", 1), "credentials"
    conn = await asyncpg.connect(database.projector)
    try:
        await conn.execute(f"ANALYZE {schema}.{table}")
        assert await known_rows(database.projector, schema, table) == 5
        await conn.execute(f"DELETE FROM {schema}.{table}")
        await Statistics((3,)).grown(conn, [schema], 4)
        assert await known_rows(database.projector, schema, table) == 5, "that it is empty was not looked at"
        await Statistics((3,)).grown(conn, [schema], 6)
        assert await known_rows(database.projector, schema, table) == 0
    finally:
        await conn.close()
