from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from projections import lease
from projections.catalog import PROJECTIONS
from projections.checkpoints import lags, positions
from projections.runner import Runner
from registry.domain.names import LogName
from tests.builders import AT, LOG, History
from tests.projections.writing import rows_of, write

OTHER = LogName("other")


def a_history(log: LogName = LOG) -> History:
    history = History(log)
    issuer = history.issuer()
    for number in range(5):
        history.credential(issuer, f"urn:credential:{number}")
    history.revoke(issuer, "urn:credential:1")
    history.suspend(issuer, "urn:credential:2")
    return history


@asynccontextmanager
async def running(runner: Runner) -> AsyncIterator[Runner]:
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def reached(dsn: str, log: LogName, position: int) -> None:
    """Return when every projection of *log* has reached *position*; the test's timeout is the bound."""
    conn = await asyncpg.connect(dsn)
    try:
        while True:
            with suppress(asyncpg.UndefinedTableError):
                there = await positions(conn, log)
                if len(there) == len(PROJECTIONS) and all(one.position >= position for one in there.values()):
                    return
            await asyncio.sleep(0.01)
    finally:
        await conn.close()


async def test_a_first_start_creates_the_tables_and_the_writer_may_read_the_views(database):
    await Runner(database.projector, PROJECTIONS).catch_up()
    rows = await rows_of(database.writer, PROJECTIONS)
    assert rows
    assert all(found == [] for found in rows.values())


async def test_a_notification_or_a_poll_brings_new_events_into_the_rows(database):
    history = a_history()
    async with running(Runner(database.projector, PROJECTIONS)):
        await write(database.owner, history)
        await reached(database.writer, LOG, len(history.recorded))
        history.credential(history.issuer("second"), "urn:credential:9")
        await write(database.owner, history)
        await reached(database.writer, LOG, len(history.recorded))
    conn = await asyncpg.connect(database.writer)
    assert await conn.fetchval("SELECT count(*) FROM projections.status_list_bits") == 2
    await conn.close()


async def test_several_logs_are_projected_also_one_that_is_opened_later(database):
    async with running(Runner(database.projector, PROJECTIONS)):
        await write(database.owner, a_history())
        await reached(database.writer, LOG, 10)
        await write(database.owner, a_history(OTHER))
        await reached(database.writer, OTHER, 10)


async def test_two_runners_and_a_third_without_the_lease_give_the_rows_of_one(database, empty_database):
    history = a_history()
    one, two = (Runner(database.projector, PROJECTIONS, batch=1) for _ in range(2))
    async with running(one), running(two):
        await write(database.owner, history)
        bystanders = [Runner(database.projector, PROJECTIONS, batch=2).catch_up() for _ in range(2)]
        await asyncio.gather(*bystanders)
        await reached(database.writer, LOG, len(history.recorded))
        assert not (one.is_leading and two.is_leading)
    before = await rows_of(database.writer, PROJECTIONS)
    conn = await asyncpg.connect(database.projector)
    await conn.execute("DROP SCHEMA projections CASCADE")
    for schema in await conn.fetch("SELECT nspname FROM pg_namespace WHERE nspname ~ '_[0-9]+$' AND nspname !~ '^pg_'"):
        await conn.execute(f"DROP SCHEMA {schema[0]} CASCADE")
    await conn.close()
    await Runner(database.projector, PROJECTIONS).catch_up()
    assert before == await rows_of(database.writer, PROJECTIONS)


async def test_the_next_process_leads_when_the_leaders_connection_is_killed(database):
    history = a_history()
    one, two = (Runner(database.projector, PROJECTIONS) for _ in range(2))
    async with running(one), running(two):
        await write(database.owner, history, upto=5)
        await reached(database.writer, LOG, 5)
        administrator = await asyncpg.connect(database.superuser)
        await administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'registry_projector'"
        )
        await administrator.close()
        await write(database.owner, history)
        await reached(database.writer, LOG, len(history.recorded))


class Failing:
    """Fails in one projection, after its rows are written, as long as `is_broken`."""

    def __init__(self) -> None:
        self.is_broken = True
        self.tries = 0

    def within(self, projection: Any) -> Any:
        async def project(conn: Any, log: LogName, batch: Any) -> None:
            await projection.project(conn, log, batch)
            self.tries += 1
            if self.is_broken:
                raise RuntimeError("this projection fails")

        return replace(projection, project=project)


async def test_a_failing_projection_holds_up_no_other_is_counted_and_catches_up_by_itself(database):
    failing, now = Failing(), [0.0]
    broken = failing.within(replace(PROJECTIONS[0], name="broken", tables=()))
    runner = Runner(database.projector, (*PROJECTIONS, broken), monotonic=lambda: now[0])
    history = a_history()
    async with running(runner):
        await write(database.owner, history)
        await reached(database.writer, LOG, len(history.recorded))
        await until(lambda: runner.failures[LOG, "broken"] >= 2)
        tries = failing.tries
        await write(database.owner, history)
        runner.wake()
        await asyncio.sleep(0)
        assert tries == failing.tries, "it is left alone until its pause is over"
        failing.is_broken = False
        now[0] = 1_000.0
        runner.wake()
        await until(lambda: runner.events[LOG, "broken"] == len(history.recorded))


async def until(claim: Callable[[], bool]) -> None:
    while not claim():  # noqa: ASYNC110  # what another task counts sets no event
        await asyncio.sleep(0.01)


async def test_catching_up_raises_what_a_projection_raises_and_leaves_no_half_batch(database):
    await write(database.owner, a_history())
    failing = Failing()
    with pytest.raises(RuntimeError):
        await Runner(database.projector, [failing.within(PROJECTIONS[0])]).catch_up()
    conn = await asyncpg.connect(database.projector)
    assert await conn.fetchval("SELECT sum(position) FROM projections.checkpoints") == 0
    await conn.close()


async def test_lag_is_told_in_events_and_in_the_age_of_the_oldest_unseen_one(database):
    history = a_history()
    await write(database.owner, history, upto=4)
    await Runner(database.projector, PROJECTIONS).catch_up()
    await write(database.owner, history)
    conn = await asyncpg.connect(database.writer)
    found = await lags(conn, [LOG], AT.replace(hour=1))
    unseen = len(history.recorded) - 4
    age = (AT.replace(hour=1) - history.recorded[4].recorded_at).total_seconds()
    assert {(unseen, age)} == {(lag.events, lag.seconds) for lag in found}
    await Runner(database.projector, PROJECTIONS).catch_up()
    assert {(0, 0.0)} == {(lag.events, lag.seconds) for lag in await lags(conn, [LOG], AT.replace(hour=1))}
    await conn.close()


async def test_who_stands_by_says_so_once_and_that_it_takes_over(database, caplog, monkeypatch):
    monkeypatch.setattr("projections.runner.LEASE_POLL_S", 0.01)
    monkeypatch.setattr("projections.runner.STANDING_BY_S", 0.01)
    holder = await asyncpg.connect(database.projector)
    assert await holder.fetchval(lease.TAKE)
    async with running(Runner(database.projector, PROJECTIONS)) as second:
        while not caplog.messages:  # noqa: ASYNC110  # a log tells nobody
            await asyncio.sleep(0.01)
        assert not second.is_leading
        await holder.close()
        while not second.is_leading:  # noqa: ASYNC110  # nor does it
            await asyncio.sleep(0.01)
    standing_by, leading = caplog.messages
    assert standing_by.startswith("another process projects; this one stands by")
    assert leading == "this process projects from now on"
