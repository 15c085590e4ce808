"""Making a publication visible: one fenced transaction per batch, ordered by `published_heads`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import asyncpg
from asyncpg import Connection, Pool
from asyncpg.pool import PoolConnectionProxy

from projections.status_lists.frontier import Frontier
from projections.status_lists.queries import schema, sql
from projections.status_lists.rendering import Stored, Validity

CHANNEL = "registry_published"
"""The notification sent with every publication, with the log's name; a hint, never a guarantee."""

_BEGIN_HEADS = sql("begin_heads")
_MOVE_HEAD = sql("move_head")
_STORE = sql("store_lists")


async def prepare(conn: Connection | PoolConnectionProxy) -> None:
    """Create the schema `projections` and the tables of what was published, where they are missing."""
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock(hashtext('registry.projections'))")
        if await conn.fetchval("SELECT to_regnamespace('projections') IS NULL"):
            await conn.execute("CREATE SCHEMA projections; GRANT USAGE ON SCHEMA projections TO registry_writer")
        await conn.execute(schema("published"))


async def store(
    pool: Pool[asyncpg.Record],
    frontier: Frontier,
    lists: Sequence[Stored],
    validity: Validity,
    before_commit: Callable[[], Awaitable[None]],
) -> bool:
    """Store *lists* as the publication that follows the frontier's; False if another one came between.

    The head row is the fence and the order: its lock is held until the commit, so whoever sees a sequence sees
    everything before it, and a publication decided on a stale frontier changes nothing.
    """
    async with pool.acquire() as conn, conn.transaction():
        head = (frontier.position, frontier.hash, frontier.restore_position)
        await conn.execute(_BEGIN_HEADS, frontier.log)
        sequence = await conn.fetchval(_MOVE_HEAD, frontier.log, frontier.sequence, *head, validity.now)
        if sequence is None:
            return False
        times = (validity.ttl_s, validity.valid_from, validity.valid_until, validity.now)
        await conn.execute(_STORE, frontier.log, *head, sequence, *times, *_columns(lists))
        await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, frontier.log)
        await before_commit()
    return True


def _columns(lists: Sequence[Stored]) -> list[list[object]]:
    rows = [
        (
            one.state.status_list_id, one.state.list_set, one.state.purpose, one.state.url,
            one.body, one.gzip, one.etag, one.gzip_etag,
        )
        for one in lists
    ]  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]
