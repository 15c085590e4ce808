"""That nobody projects, or that what is projected is behind, is said by the doctor and by readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from projections.catalog import PROJECTIONS
from projections.runner import Runner
from registry.doctor import Verdict, projecting
from registry.http.parts import Remark
from registry.log.connection import Connection, connect, pool
from registry.wiring import readiness
from tests.builders import AT, LOG, History
from tests.projections.writing import write
from tests.servers import TestDatabase

ORIGINS = {LOG: "https://registry.example"}
LATER = AT + timedelta(seconds=17)


@pytest.fixture
async def conn(database: TestDatabase) -> AsyncIterator[Connection]:
    opened = await connect(database.writer)
    yield opened
    await opened.close()


async def a_log_with_two_more(database: TestDatabase) -> History:
    history = History()
    issuer = history.issuer()
    history.credential(issuer, "urn:credential:1")
    await write(database.owner, history)
    await Runner(database.projector, PROJECTIONS).catch_up()
    history.revoke(issuer, "urn:credential:1")
    history.credential(issuer, "urn:credential:2")
    return history


@asynccontextmanager
async def a_leader(database: TestDatabase) -> AsyncIterator[None]:
    runner = Runner(database.projector, PROJECTIONS)
    task = asyncio.create_task(runner.run())
    try:
        while not runner.is_leading:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_deployment_that_was_just_set_up_lacks_nothing(database: TestDatabase, conn: Connection) -> None:
    assert (await projecting(conn, LOG, LATER)).verdict is Verdict.GOOD
    await write(database.owner, History())
    assert (await projecting(conn, LOG, LATER)).verdict is Verdict.GOOD


async def test_the_doctor_says_how_far_and_how_long_projections_are_behind(
    database: TestDatabase, conn: Connection
) -> None:
    history = await a_log_with_two_more(database)
    await write(database.owner, history)
    unseen = history.recorded[-2:]
    found = await projecting(conn, LOG, unseen[0].recorded_at + timedelta(seconds=17))
    assert found.verdict is Verdict.WARNING
    assert found.sentence.startswith("2 events behind, for 17 s. ")
    assert "start `registry project`" in found.sentence


async def test_the_doctor_says_that_nobody_projects_also_when_nothing_is_behind(
    database: TestDatabase, conn: Connection
) -> None:
    await a_log_with_two_more(database)
    found = await projecting(conn, LOG, LATER)
    assert (found.verdict, found.sentence.startswith("No process projects")) == (Verdict.WARNING, True)
    async with a_leader(database):
        assert (await projecting(conn, LOG, LATER)).verdict is Verdict.GOOD


async def test_readiness_tells_the_lag_and_stays_content(database: TestDatabase) -> None:
    history = await a_log_with_two_more(database)
    reader = await pool(database.writer, size=2)
    try:
        checks = readiness(reader, ORIGINS)
        assert (await checks())["projections"] is None
        await write(database.owner, history)
        said = (await checks())["projections"]
    finally:
        await reader.close()
    assert isinstance(said, Remark)
    assert said.startswith("main is 2 events behind, for ")
