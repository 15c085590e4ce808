"""The crash table for append: every step, every way to fail.

Steps: before the statement reaches PostgreSQL, while it runs (at the fence), after the commit and before the answer.
Ways: the connection is cut, its backend or the writer's process is killed, PostgreSQL is stopped at once.
After each: nothing acknowledged is lost, nothing is applied twice, a retry with the same key gives the same position,
the oracle is content, and the writer serves again by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from registry.domain.names import CredentialId, Stream, credential_stream
from registry.embedded import Embedded, ensure_database, running
from registry.embedded_roles import OWNER, WRITER
from registry.errors import DatabaseUnavailable
from registry.log.append import open_log
from registry.log.connection import connect
from registry.log.lease import Lease
from registry.log.migrate import migrate
from registry.log.sequencer import Appended, Limits
from tests import oracle
from tests.log.holding import head_held, until_blocked
from tests.log.proxy import Hook, Moment, Proxy, proxied
from tests.log.writing import LOG, Writing, sequencing
from tests.servers import RUN_DIRECTORY

CID = CredentialId("urn:x:1")


@pytest.fixture
async def socket_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("s")  # short: a socket's path has at most 107 bytes


async def nothing_more() -> None:
    """The proxy cuts the connection; PostgreSQL lives."""


def terminating(superuser: str) -> Hook:
    async def terminate() -> None:
        conn = await connect(superuser)
        await conn.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = $1",
            WRITER,
        )
        await conn.close()

    return terminate


async def registered(writer: Writing) -> Stream:
    issuer = await writer.issuer()
    await writer.register(issuer, CID)
    return credential_stream(issuer, CID)


async def fail_at(proxy: Proxy, moment: Moment, failure: Hook, writer: Writing, stream: Stream) -> list[object]:
    """Toggle four times at once under keys of their own, with *failure* at *moment*; the outcomes."""
    proxy.arm(moment, failure)
    tasks = [asyncio.create_task(writer.toggle(stream, f"key {n}")) for n in range(4)]
    async with asyncio.timeout(30):
        await proxy.fired.wait()
        return await asyncio.gather(*tasks, return_exceptions=True)


async def settle(writer: Writing, stream: Stream, superuser: str, outcomes: list[object]) -> None:
    """Retry every key until it is answered; compare with what was acknowledged, and with what the log holds."""
    assert all(isinstance(outcome, Appended | DatabaseUnavailable) for outcome in outcomes)
    settled = [await until_answered(writer, stream, f"key {n}") for n in range(4)]
    for outcome, retried in zip(outcomes, settled, strict=True):
        assert retried.is_replay or isinstance(outcome, DatabaseUnavailable)
        if isinstance(outcome, Appended):
            assert (retried.position, retried.answer) == (outcome.position, outcome.answer)
    again = await writer.toggle(stream, "after the failure")
    assert len({again.position, *(one.position for one in settled)}) == 5
    checked = await oracle.check(superuser)
    assert len(checked.of_type("CredentialSuspended")) + len(checked.of_type("CredentialReinstated")) == 5


async def until_answered(writer: Writing, stream: Stream, key: str) -> Appended:
    async with asyncio.timeout(30):
        while True:
            try:
                return await writer.toggle(stream, key)
            except DatabaseUnavailable:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
@pytest.mark.parametrize("way", ["connection cut", "backend killed"])
async def test_a_lost_connection_is_survived_and_its_outcome_found_out(opened, socket_folder, moment, way):
    failure = nothing_more if way == "connection cut" else terminating(opened.superuser)
    async with proxied(opened.writer, socket_folder) as (proxy, dsn), sequencing(dsn) as writer:
        stream = await registered(writer)
        before = (await oracle.check(opened.superuser)).position
        outcomes = await fail_at(proxy, moment, failure, writer, stream)
        assert all(isinstance(outcome, Appended) for outcome in outcomes), "the writer finds the outcome out by itself"
        assert min(outcome.position for outcome in outcomes) == before + 1, "the failed statement left no gap"
        await settle(writer, stream, opened.superuser, outcomes)


@pytest.mark.parametrize("way", ["connection cut", "backend killed"])
async def test_a_connection_lost_inside_the_statement_is_survived(opened, socket_folder, way):
    """Cut, the first statement still waits inside PostgreSQL while the second is sent; one of them takes effect."""
    async with (
        proxied(opened.writer, socket_folder) as (proxy, dsn),
        sequencing(dsn) as writer,
    ):
        stream = await registered(writer)
        async with head_held(opened.superuser) as let_go:
            tasks: list[asyncio.Task[None]] = []

            async def failure() -> None:
                await until_blocked(opened.superuser)
                if way == "backend killed":
                    await terminating(opened.superuser)()
                tasks.append(asyncio.create_task(let_go_later()))

            async def let_go_later() -> None:
                await proxy.fired.wait()
                await until_blocked(opened.superuser)
                await let_go()

            outcomes = await fail_at(proxy, Moment.DURING, failure, writer, stream)
            await asyncio.gather(*tasks)
        assert all(isinstance(outcome, Appended) for outcome in outcomes)
        await settle(writer, stream, opened.superuser, outcomes)


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_an_outcome_that_cannot_be_found_out_is_called_unknown(opened, socket_folder, moment):
    """The writer gives up; the caller's retry under the same key gets what the first attempt came to."""
    async with (
        proxied(opened.writer, socket_folder) as (proxy, dsn),
        sequencing(dsn, limits=Limits(unknown_outcome_s=0)) as writer,
    ):
        stream = await registered(writer)
        outcomes = await fail_at(proxy, moment, nothing_more, writer, stream)
        assert any(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes)
        await settle(writer, stream, opened.superuser, outcomes)


@pytest.mark.parametrize("moment", list(Moment))
async def test_a_writer_killed_with_9_leaves_nothing_half_done(opened, socket_folder, moment):
    async with sequencing(opened.writer) as writer:
        stream = await registered(writer)
    keys = [f"key {n}" for n in range(4)]
    async with proxied(opened.writer, socket_folder) as (proxy, dsn):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.log.writer_process", dsn, stream, *keys, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        acknowledged = [await process.stdout.readline()]

        async def kill() -> None:
            process.send_signal(signal.SIGKILL)
            await process.wait()

        proxy.arm(moment, kill)
        async with asyncio.timeout(30):
            await proxy.fired.wait()
            acknowledged += (await process.stdout.read()).splitlines()
    said = {line.decode().rpartition(" ")[0]: int(line.decode().split()[-1]) for line in acknowledged}
    assert 1 <= len(said) < len(keys)
    outcomes: list[object] = []
    async with sequencing(opened.writer) as writer:
        for key in keys:
            outcomes.append(await writer.toggle(stream, key))
            assert outcomes[-1].position == said.get(key, outcomes[-1].position)
        await settle(writer, stream, opened.superuser, outcomes)


async def opened_log(embedded: Embedded, database: str) -> tuple[str, str]:
    """A fresh log in *database*: the writer's and the superuser's DSN."""
    await ensure_database(embedded, database)
    owner = embedded.dsn(user=OWNER, database=database)
    await migrate(owner)
    conn = await connect(owner)
    await open_log(conn, LOG, "http://127.0.0.1:8080", datetime.now(UTC))
    await conn.close()
    return embedded.dsn(user=WRITER, database=database), embedded.dsn(user="postgres", database=database)


def stopping_at_once(superuser: str) -> Hook:
    """Stop PostgreSQL in immediate mode: no checkpoint, crash recovery at the next start (the supervisor's)."""

    async def stop() -> None:
        conn = await asyncpg.connect(superuser)
        directory = await conn.fetchval("SHOW data_directory")
        conn.terminate()
        pid = int((Path(directory) / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)

    return stop


async def test_postgresql_stopped_at_once_and_started_again_is_survived(socket_folder):
    """On a server of its own, whose supervisor starts it again."""
    async with running(Path(os.environ[RUN_DIRECTORY]) / f"crash-{uuid4().hex[:8]}") as embedded:
        for moment in Moment:
            writer_dsn, superuser = await opened_log(embedded, f"stopped_{moment.name.lower()}")
            folder = socket_folder / moment.name.lower()
            folder.mkdir()
            async with proxied(writer_dsn, folder) as (proxy, dsn), sequencing(dsn) as writer:
                stream = await registered(writer)
                outcomes = await fail_at(proxy, moment, stopping_at_once(superuser), writer, stream)
                await settle(writer, stream, superuser, outcomes)


async def test_a_connection_killed_between_two_requests_is_replaced_by_itself(opened):
    async with sequencing(opened.writer) as writer:
        stream = await registered(writer)
        for _ in range(3):
            await terminating(opened.superuser)()
            assert (await writer.toggle(stream)).position
    await oracle.check(opened.superuser)


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_without_a_key_nothing_acknowledged_is_applied_twice_either(opened, socket_folder, moment):
    """The writer itself finds the draft of an unknown outcome in the log, by its hash."""
    async with proxied(opened.writer, socket_folder) as (proxy, dsn), sequencing(dsn) as writer:
        stream = await registered(writer)
        before = (await oracle.check(opened.superuser)).position
        proxy.arm(moment, nothing_more)
        outcomes = await asyncio.gather(*(writer.toggle(stream) for _ in range(4)))
        assert sorted(outcome.position for outcome in outcomes) == [before + n for n in range(1, 5)]
    assert (await oracle.check(opened.superuser)).position == before + 4


async def test_a_process_that_is_always_too_late_waits_in_line_for_the_head(opened, socket_folder, monkeypatch):
    """Before each append of the slow one the fast one moves the head; without the line it would never get through."""
    monkeypatch.setattr(Lease, "take", _without_lease)
    async with (
        proxied(opened.writer, socket_folder) as (proxy, dsn),
        sequencing(dsn) as slow,
        sequencing(opened.writer) as fast,
    ):
        stream = await registered(fast)
        losses: list[asyncio.Task[object]] = []

        async def overtake() -> None:
            losses.append(asyncio.create_task(fast.toggle(stream)))
            await asyncio.wait(losses[-1:], timeout=0.5)  # it is not done while the slow one holds the head

        proxy.delay_each(overtake)
        async with asyncio.timeout(20):
            assert (await slow.toggle(stream, "slow")).position
        await asyncio.gather(*losses)
    assert 2 <= len(losses) <= 4
    await oracle.check(opened.superuser)


async def _without_lease(lease: Lease) -> bool:
    return True
