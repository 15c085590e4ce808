"""A history projected whole, and a connection that reads the views as the service does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from projections.catalog import PROJECTIONS
from projections.runner import Runner
from tests.builders import History
from tests.projections.writing import write


@asynccontextmanager
async def projected(database: Any, *histories: History) -> AsyncIterator[asyncpg.Connection]:
    for history in histories:
        await write(database.owner, history)
    await Runner(database.projector, PROJECTIONS).catch_up()
    conn = await asyncpg.connect(database.writer)
    try:
        yield conn
    finally:
        await conn.close()
