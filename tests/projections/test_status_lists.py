"""The projection of status lists: sets, lists and bits, the same whatever the batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.status_lists.projector import STATUS_LISTS, project
from registry.domain.events import (
    Allocation,
    CredentialMessageSet,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuperseded,
    CredentialSuspended,
    Purpose,
    Recorded,
)
from registry.domain.names import LOG_STREAM
from tests.builders import LOG, SIZE, History, batches, identity
from tests.projections.status_lists_world import cid
from tests.servers import TestDatabase

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
async def conn(database: TestDatabase) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    conn = await asyncpg.connect(database.projector)
    await conn.execute("CREATE SCHEMA status_lists_1; SET search_path TO status_lists_1")
    await conn.execute(STATUS_LISTS.schema)
    yield conn
    await conn.close()


async def rows_after(conn: asyncpg.Connection[asyncpg.Record], parts: Sequence[Sequence[Recorded]]) -> Rows:
    """Project *parts* one after another into empty tables; all rows."""
    await conn.execute("TRUNCATE " + ", ".join(STATUS_LISTS.tables))
    for part in parts:
        async with conn.transaction():
            await project(conn, LOG, part)
    return {
        table: sorted(tuple(row) for row in await conn.fetch(f"SELECT {table}.* FROM {table}"))
        for table in STATUS_LISTS.tables
    }


async def bits_of(conn: asyncpg.Connection[asyncpg.Record], purpose: str) -> set[int]:
    return {row[0] for row in await conn.fetch("SELECT index FROM status_list_bits WHERE purpose = $1", purpose)}


async def changed(conn: asyncpg.Connection[asyncpg.Record]) -> dict[str, int]:
    return dict(await conn.fetch("SELECT purpose, changed_position FROM status_list_members"))


async def test_an_opened_set_is_one_set_and_its_lists(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    history = History()
    issuer_id = history.issuer()
    rows = await rows_after(conn, [history.recorded])
    did = "did:web:registry.example:issuers:state-college"
    set_id = identity(0, f"set of {issuer_id}")
    assert [(LOG, set_id, issuer_id, did, SIZE, True, len(history.recorded))] == rows["status_list_sets"]
    assert {("revocation", 0), ("suspension", 0)} == {(row[3], row[9]) for row in rows["status_list_members"]}


async def test_a_closed_set_keeps_its_lists(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    history = History()
    issuer_id = history.issuer()
    history.close_set(issuer_id, identity(0, f"set of {issuer_id}"))
    rows = await rows_after(conn, [history.recorded])
    assert [row[5] for row in rows["status_list_sets"]] == [False]
    assert len(rows["status_list_members"]) == 2


async def test_bits_follow_revocation_suspension_and_reinstatement(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    history = History()
    issuer_id = history.issuer()
    for number in range(4):
        history.credential(issuer_id, cid(number))
    [revoked] = history.revoke(issuer_id, cid(1))
    history.suspend(issuer_id, cid(2))
    history.suspend(issuer_id, cid(3))
    [reinstated] = history.reinstate(issuer_id, cid(3))
    history.supersede(issuer_id, cid(0), cid(1))
    await rows_after(conn, [history.recorded])
    assert await bits_of(conn, "revocation") == {1}
    assert await bits_of(conn, "suspension") == {2}
    assert await changed(conn) == {"revocation": revoked.position, "suspension": reinstated.position}


async def test_a_fact_that_moves_no_bit_leaves_the_list_unchanged(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    history = History()
    issuer_id = history.issuer()
    history.credential(issuer_id, cid(0))
    [revoked] = history.revoke(issuer_id, cid(0))
    history.record(revoked.stream, revoked.event)
    await rows_after(conn, [history.recorded])
    assert await changed(conn) == {"revocation": revoked.position, "suspension": 0}


async def test_logs_do_not_see_each_other(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    history = History()
    issuer_id = history.issuer()
    history.credential(issuer_id, cid(0))
    history.revoke(issuer_id, cid(0))
    await project(conn, LOG, history.recorded[:-1])
    await project(conn, "other", history.recorded)
    assert await conn.fetch("SELECT log_name FROM status_list_bits") == [("other",)]


async def test_a_member_added_later_shows_what_was_said_before_and_counts_only_what_comes_after(
    conn: asyncpg.Connection[asyncpg.Record],
) -> None:
    history = History()
    issuer_id = history.issuer()
    for number in range(3):
        history.credential(issuer_id, cid(number))
    history.supersede(issuer_id, cid(0), cid(2))
    history.add_member(issuer_id, Purpose.REFRESH)
    history.add_member(issuer_id, Purpose.TOKEN, status_size=2)
    at_once = await rows_after(conn, [history.recorded])
    assert await bits_of(conn, "refresh") == {0}
    assert await changed(conn) == {"revocation": 0, "suspension": 0, "refresh": 0, "token": 0}
    assert at_once == await rows_after(conn, [[one] for one in history.recorded])
    [superseded] = history.supersede(issuer_id, cid(1), cid(2))
    [suspended] = history.suspend(issuer_id, cid(2))
    await rows_after(conn, [history.recorded])
    assert await changed(conn) == {
        "revocation": 0,
        "suspension": suspended.position,
        "refresh": superseded.position,
        "token": suspended.position,
    }


async def test_every_word_is_kept_with_its_position(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    history = History()
    issuer_id = history.issuer()
    history.credential(issuer_id, cid(0))
    positions = [
        history.suspend(issuer_id, cid(0))[0].position,
        history.reinstate(issuer_id, cid(0))[0].position,
        history.revoke(issuer_id, cid(0))[0].position,
    ]
    rows = await rows_after(conn, [history.recorded])
    assert [row[2:] for row in sorted(rows["status_list_words"], key=lambda row: row[4])] == [
        ("suspension", 0, positions[0], 1),
        ("suspension", 0, positions[1], 0),
        ("revocation", 0, positions[2], 1),
    ]


facts = st.lists(
    st.tuples(
        st.sampled_from(
            [
                CredentialRevoked,
                CredentialSuspended,
                CredentialReinstated,
                CredentialSuperseded,
                CredentialMessageSet,
                Purpose.REFRESH,
                Purpose.TOKEN,
            ]
        ),
        st.integers(0, 1),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=facts, cuts=st.data())
async def test_any_batches_give_the_same_rows(
    conn: asyncpg.Connection[asyncpg.Record], facts: list[tuple[Any, int, int, int]], cuts: st.DataObject
) -> None:
    """Even for histories that the domain would refuse, such as two reinstatements in a row."""
    history = History()
    issuer_id = history.issuer()
    history.open_set(issuer_id)
    for kind, number, index, value in facts:
        set_id = identity(number, f"set of {issuer_id}")
        if isinstance(kind, Purpose):
            history.add_member(issuer_id, kind, status_size=2 if kind is Purpose.TOKEN else None, number=number)
            continue
        allocation = Allocation(set_id=set_id, number=index, index=index)
        more = {CredentialSuperseded: {"by": "c:other"}, CredentialMessageSet: {"value": value}}.get(kind, {})
        fact = kind(issuer_id=issuer_id, credential_id=f"c:{index}", allocation=allocation, **more)
        history.tick()
        history.record(LOG_STREAM, fact)
    at_once = await rows_after(conn, [history.recorded])
    one_by_one = await rows_after(conn, [[one] for one in history.recorded])
    in_batches = await rows_after(conn, batches(history.recorded, lambda: cuts.draw(st.integers(1, 9))))
    assert at_once == one_by_one
    assert at_once == in_batches
