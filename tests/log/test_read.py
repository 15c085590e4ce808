"""Finding a moment in the log, and the facts of one kind between two positions."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from registry.domain.names import LogName
from registry.log import read
from tests.builders import LOG, History
from tests.projections.writing import write
from tests.servers import TestDatabase


async def test_the_last_position_before_a_moment_is_found_wherever_it_lies(database: TestDatabase) -> None:
    history = History()
    issuer = history.issuer("college")
    for number in range(20):
        history.credential(issuer, f"c:{number}")
    await write(database.owner, history)
    conn = await asyncpg.connect(database.writer)
    try:
        times = [one.recorded_at for one in history.recorded]
        for moment in {at + timedelta(seconds=half / 2) for at in times for half in (-1, 0, 1)}:
            assert await read.before(conn, LOG, moment) == sum(at < moment for at in times)
        assert await read.before(conn, LogName("other"), times[0]) == 0
    finally:
        await conn.close()


async def test_facts_of_one_kind_and_one_issuer_come_in_windows(database: TestDatabase) -> None:
    history = History()
    mine, theirs = history.issuer("mine"), history.issuer("theirs")
    for number in range(6):
        for issuer in (mine, theirs):
            history.credential(issuer, f"c:{number}")
            history.secure(issuer, f"c:{number}")
    await write(database.owner, history)
    conn = await asyncpg.connect(database.writer)
    expected = [one for one in history.recorded if one.event.type == "CredentialSecured" and str(mine) in one.stream]
    assert len(expected) == 6
    prefix, last = f"credential/{mine}/", len(history.recorded)

    try:
        for after in range(0, last, 3):
            for limit in (1, 3, 10):
                found = await read.within(conn, LOG, (after, last - after), "CredentialSecured", prefix, limit)
                assert found == [one for one in expected if after < one.position <= last - after][:limit]
    finally:
        await conn.close()
