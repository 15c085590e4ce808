"""Reading ahead gives what reading gives, whatever becomes of the page that was read ahead."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from projections.pages import Pages
from registry.errors import BrokenLog
from registry.log.connection import connect
from tests.builders import LOG
from tests.projections.test_runner import a_history
from tests.projections.writing import write

WHOLE = a_history().recorded
AHEAD = 10


@asynccontextmanager
async def pages_of(database: Any) -> AsyncIterator[tuple[Pages, asyncpg.Connection]]:
    """Two events a page, ten in one that is read ahead."""
    await write(database.owner, a_history())
    conn, pages = await connect(database.projector), Pages(database.projector, most=2)
    try:
        yield pages, conn
    finally:
        await pages.close()
        await conn.close()


async def test_page_after_page_is_the_log_and_later_ones_are_larger(database):
    async with pages_of(database) as (pages, conn):
        seen = []
        while page := await pages.after(conn, LOG, len(seen)):
            assert len(page) == min(AHEAD if seen else 2, len(WHOLE) - len(seen))
            seen += page
    assert seen == WHOLE


async def test_a_page_of_another_place_is_thrown_away(database):
    async with pages_of(database) as (pages, conn):
        await pages.after(conn, LOG, 0)
        assert await pages.after(conn, LOG, 5) == WHOLE[5:7]
        assert await pages.after(conn, LOG, 7) == WHOLE[7 : 7 + AHEAD]


async def test_another_log_does_not_take_or_spoil_what_is_read_ahead(database):
    async with pages_of(database) as (pages, conn):
        await pages.after(conn, LOG, 0)
        assert await pages.after(conn, "other", 2) == []
        assert await pages.after(conn, LOG, 2) == WHOLE[2 : 2 + AHEAD]


async def test_what_could_not_be_read_ahead_is_read_then(database):
    async with pages_of(database) as (pages, conn):
        await pages.after(conn, LOG, 0)
        assert len(await pages.after(conn, LOG, 2)) == AHEAD
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )
        assert await pages.after(conn, LOG, 0) == WHOLE[:2]
        assert (await pages.after(conn, LOG, 2))[:2] == WHOLE[2:4]


async def test_what_is_new_after_the_page_that_was_read_ahead_is_seen(database):
    history = a_history()
    async with pages_of(database) as (pages, conn):
        page = await pages.after(conn, LOG, len(WHOLE) - 2)
        assert len(page) == 2
        assert await pages.after(conn, LOG, len(WHOLE)) == []
        history.issuer("late")
        await write(database.owner, history)
        assert await pages.after(conn, LOG, len(WHOLE)) == history.recorded[len(WHOLE) :][:2]


async def test_a_gap_is_heard_also_ahead(database):
    async with pages_of(database) as (pages, conn):
        owner = await asyncpg.connect(database.owner)
        await owner.execute("DELETE FROM events WHERE log_name = $1 AND position = 6", LOG)
        await owner.close()
        await pages.after(conn, LOG, 0)
        with pytest.raises(BrokenLog, match="Position 6"):
            await pages.after(conn, LOG, 2)


async def test_the_collector_has_its_usual_threshold_when_the_end_is_reached(database):
    usual = gc.get_threshold()
    async with pages_of(database) as (pages, conn):
        await pages.after(conn, LOG, 0)
        assert gc.get_threshold() > usual
        await pages.after(conn, LOG, len(WHOLE))
        assert gc.get_threshold() == usual
