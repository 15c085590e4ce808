from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from registry.log.append import open_log
from registry.log.connection import connect
from tests import oracle
from tests.log.writing import LOG, Writing, sequencing


@pytest.fixture
async def opened(database) -> Any:
    """The test's database, with a freshly opened log in it."""
    conn = await connect(database.owner)
    await open_log(conn, LOG, "http://127.0.0.1:8080", datetime.now(UTC))
    await conn.close()
    return database


@pytest.fixture
async def writing(opened) -> AsyncIterator[Callable[..., AbstractAsyncContextManager[Writing]]]:
    """A factory of running sequencers, each as if it were a process; the oracle looks at the log afterwards."""
    yield partial(sequencing, opened.writer)
    await oracle.check(opened.superuser)
