"""Stops appends at the fence: whoever holds the head's row holds everybody who would move it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from registry.embedded_roles import WRITER
from registry.log.connection import connect

BLOCKED = """
SELECT pid FROM pg_stat_activity
 WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE log_heads%' AND usename = $1 AND datname = current_database()
"""
LOADED = """
SELECT pid FROM pg_stat_activity
 WHERE state = 'idle' AND query LIKE '%unnest(string_to_array($3%' AND usename = $1 AND datname = current_database()
   AND pid NOT IN (SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock')
"""


@asynccontextmanager
async def head_held(superuser: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Hold the head's row, so that an append stops inside its statement; yields what lets go of it."""
    conn = await connect(superuser)
    await conn.execute("BEGIN")
    await conn.execute("SELECT position FROM log_heads FOR UPDATE")

    async def let_go() -> None:
        if not conn.is_closed():
            conn.terminate()

    try:
        yield let_go
    finally:
        await let_go()


async def until_blocked(superuser: str) -> None:
    """Return when an append waits for the head's row."""
    conn = await connect(superuser)
    async with asyncio.timeout(10):
        while not await conn.fetchval(BLOCKED, WRITER):  # noqa: ASYNC110  # PostgreSQL sends no event for this
            await asyncio.sleep(0.01)
    await conn.close()


async def until_decided_ahead(superuser: str) -> None:
    """Return when a second connection has looked something up for the batch behind the one that is held."""
    conn = await connect(superuser)
    async with asyncio.timeout(10):
        while not await conn.fetchval(LOADED, WRITER):  # noqa: ASYNC110  # PostgreSQL sends no event for this
            await asyncio.sleep(0.01)
    await conn.close()
