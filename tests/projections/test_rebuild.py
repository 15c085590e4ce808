from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from projections import generations
from projections.advance import Target, advance, read_batch
from projections.catalog import PROJECTIONS
from projections.credential_status.projector import CREDENTIAL_STATUS
from projections.generations import known
from projections.pages import Pages
from projections.rebuild import _Rebuild, rebuild, rebuild_together
from projections.runner import Outdated, Runner
from registry.domain.names import LogName
from registry.errors import Unfit
from tests.builders import LOG, History
from tests.projections.test_runner import a_history, reached, running
from tests.projections.writing import rows_of, write


async def built(database: Any) -> dict[str, Any]:
    for log in ("main", "other"):
        await write(database.owner, a_history(LogName(log)))
    await Runner(database.projector, PROJECTIONS).catch_up()
    return await rows_of(database.writer, PROJECTIONS)


async def generations_of(database: Any, name: str) -> list[generations.Generation]:
    conn = await asyncpg.connect(database.projector)
    there = [one for one in await known(conn) if one.projection == name]
    schemas = {row[0] for row in await conn.fetch("SELECT nspname FROM pg_namespace")}
    await conn.close()
    assert {one.schema for one in there} == {name for name in schemas if name.rpartition("_")[0] == there[0].projection}
    return there


async def test_a_rebuild_gives_the_same_rows_in_a_new_generation_and_removes_the_old_one(database):
    before, told = await built(database), []
    for projection in PROJECTIONS:
        done = await rebuild(database.projector, projection, progress=lambda *seen: told.append(seen))
        assert (projection.name, 2, True, ()) == (
            done.projection,
            done.generation,
            done.is_compared,
            done.differences,
        )
        assert [(one.generation, one.is_current) for one in await generations_of(database, done.projection)] == [
            (2, True)
        ]
    assert before == await rows_of(database.writer, PROJECTIONS)
    total = 2 * len(a_history().recorded)
    assert (total, total) == told[-1]


async def test_all_are_rebuilt_from_one_reading(database):
    before, told = await built(database), []
    done = await rebuild_together(database.projector, PROJECTIONS, progress=lambda *seen: told.append(seen))
    assert [(one.name, 2, True, ()) for one in PROJECTIONS] == [
        (one.projection, one.generation, one.is_compared, one.differences) for one in done
    ]
    assert before == await rows_of(database.writer, PROJECTIONS)
    total = 2 * len(a_history().recorded)
    assert (total, total) == told[-1]


async def test_what_stands_elsewhere_is_brought_along_and_a_difference_stops_only_its_own_switch(database):
    """A generation that was begun earlier is behind the others or ahead of them."""
    before = await built(database)
    conn = await asyncpg.connect(database.projector)
    newer, others = a_newer(CREDENTIAL_STATUS), [one for one in PROJECTIONS if one is not CREDENTIAL_STATUS]
    begun = await generations.create(conn, newer)
    await generations.begin(conn, begun, [LOG])
    await advance(conn, LOG, [Target(newer, begun.generation)], 0, await read_batch(conn, LOG, 0, 5))
    await conn.execute("UPDATE status_lists_1.status_list_bits SET index = index + 1 WHERE log_name = 'main'")
    with pytest.raises(Unfit, match="status_lists differ"):
        await rebuild_together(database.projector, [newer, *others])
    live = {one.projection: one.generation for one in await known(conn) if one.is_current}
    await conn.close()
    assert live == {"credential_status": 2, "issuer_directory": 2, "status_lists": 1}
    after = await rows_of(database.writer, PROJECTIONS)
    assert len(after["credentials"]) == len(before["credentials"])


async def test_a_rebuild_from_an_empty_read_side_gives_the_same_rows(database):
    before = await built(database)
    conn = await asyncpg.connect(database.projector)
    await conn.execute("DROP SCHEMA projections CASCADE")
    await conn.close()
    for projection in PROJECTIONS:
        done = await rebuild(database.projector, projection)
        assert not done.is_compared
    assert before == await rows_of(database.writer, PROJECTIONS)


async def test_a_rebuild_beside_a_running_runner_loses_nothing_and_the_runner_goes_on(database):
    history = a_history()
    await write(database.owner, history)
    issuer = history.issuer("busy")
    async with running(Runner(database.projector, PROJECTIONS, batch=3)):
        await reached(database.writer, LOG, 10)

        async def keep_writing() -> None:
            for number in range(30):
                history.credential(issuer, f"urn:busy:{number}")
                await write(database.owner, history)

        await asyncio.gather(keep_writing(), *(rebuild(database.projector, one) for one in PROJECTIONS))
        history.credential(issuer, "urn:busy:last")
        await write(database.owner, history)
        await reached(database.writer, LOG, len(history.recorded))
    live = await rows_of(database.writer, PROJECTIONS)
    assert len(live["credentials"]) == 5 + 31
    for projection in PROJECTIONS:
        await rebuild(database.projector, projection)
    assert live == await rows_of(database.writer, PROJECTIONS)


async def test_a_difference_is_named_and_stops_the_switch_unless_it_is_accepted(database):
    await built(database)
    conn = await asyncpg.connect(database.projector)
    await conn.execute("UPDATE credential_status_1.credentials SET status = 0 WHERE log_name = 'main' AND status = 2")
    with pytest.raises(Unfit, match="credentials \\(1 rows only before, 1 only after\\)"):
        await rebuild(database.projector, CREDENTIAL_STATUS)
    assert (
        await conn.fetchval(
            "SELECT generation FROM projections.generations WHERE projection = 'credential_status' AND is_current"
        )
        == 1
    )
    done = await rebuild(database.projector, CREDENTIAL_STATUS, accept_difference=True)
    assert [one.table for one in done.differences] == ["credentials"]
    assert await conn.fetchval("SELECT count(*) FROM projections.credentials WHERE status = 2") == 2
    assert len(await generations_of(database, "credential_status")) == 1
    await conn.close()


async def test_the_switch_waits_until_the_new_rows_are_not_behind_the_old_ones(database):
    before = await built(database)
    conn = await asyncpg.connect(database.projector)
    fresh = await generations.create(conn, CREDENTIAL_STATUS)
    live = generations.current(await known(conn), CREDENTIAL_STATUS.name)
    assert live is not None
    pages = Pages(database.projector)
    await _Rebuild(conn, pages, CREDENTIAL_STATUS, lambda done, total: None)._switch(live, fresh)
    await conn.close()
    assert before == await rows_of(database.writer, PROJECTIONS)


async def test_two_rebuilds_of_one_projection_do_not_run_at_once(database):
    await built(database)
    conn = await asyncpg.connect(database.projector)
    await conn.execute(
        "SELECT pg_advisory_lock(hashtext('registry.projections.rebuild'), hashtext('credential_status'))"
    )
    with pytest.raises(Unfit, match="Another rebuild"):
        await rebuild(database.projector, CREDENTIAL_STATUS)
    await conn.close()


def a_newer(projection: Any) -> Any:
    """The next version: another table shape, filled from the same facts."""
    schema = projection.schema.replace("valid_until         text", "expires             text")

    async def project(conn: Any, log: LogName, batch: Any) -> None:
        await conn.execute("ALTER TABLE credentials RENAME COLUMN expires TO valid_until")
        await projection.project(conn, log, batch)
        await conn.execute("ALTER TABLE credentials RENAME COLUMN valid_until TO expires")

    return replace(projection, version=projection.version + 1, schema=schema, project=project)


async def test_a_new_version_is_filled_beside_the_old_one_and_shown_when_it_has_caught_up(database):
    await built(database)
    newer = a_newer(CREDENTIAL_STATUS)

    async def failing(conn: Any, log: LogName, batch: Any) -> None:
        raise RuntimeError("not yet")

    with pytest.raises(RuntimeError):
        await Runner(database.projector, [replace(newer, project=failing)]).catch_up()
    before = await rows_of(database.writer, PROJECTIONS)
    assert len(before["credentials"]) == 10, "readers still see the old rows"
    await Runner(database.projector, [newer], batch=3).catch_up()
    conn = await asyncpg.connect(database.writer)
    assert await conn.fetchval("SELECT count(*) FROM projections.credentials WHERE expires IS NULL") == 10
    await conn.close()
    assert [one.generation for one in await generations_of(database, "credential_status")] == [2]
    with pytest.raises(Outdated):
        await Runner(database.projector, [CREDENTIAL_STATUS]).catch_up()


async def test_a_rebuild_by_an_older_version_goes_back_without_comparing(database):
    before = await built(database)
    await Runner(database.projector, [a_newer(CREDENTIAL_STATUS)]).catch_up()
    done = await rebuild(database.projector, CREDENTIAL_STATUS)
    assert not done.is_compared
    assert before == await rows_of(database.writer, PROJECTIONS)


def test_a_history_is_the_same_each_time():
    assert a_history().recorded == a_history().recorded
    assert isinstance(a_history(), History)
