from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from registry.domain.names import LogName
from registry.log.append import open_log
from registry.log.connection import connect
from registry.log.lease import Lease
from registry.log.sequencer import Limits, Sequencer
from tests.log.writing import LOG, Counts, Writing


@pytest.fixture
async def writing(database) -> AsyncIterator[Callable[..., object]]:
    """A factory of running sequencers on a freshly opened log."""
    conn = await connect(database.owner)
    await open_log(conn, LOG, "http://127.0.0.1:8080", datetime.now(UTC))
    await conn.close()

    @asynccontextmanager
    async def start(*, limits: Limits | None = None, log: LogName = LOG) -> AsyncIterator[Writing]:
        lease = Lease(log, lambda: connect(database.writer))
        counts = Counts()
        sequencer = Sequencer(
            log, lambda: connect(database.writer), lease, clock=lambda: datetime.now(UTC), observer=counts, limits=limits
        )
        async with Writing(sequencer, counts, database).running() as one:
            yield one

    return start
