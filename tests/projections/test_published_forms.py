"""Every form of a list: from one position, in one transaction, and safe beside processes that know only one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from isal import igzip

from projections.status_lists import store
from projections.status_lists.due import batches
from projections.status_lists.published_list import entries
from projections.status_lists.queries import schema
from projections.status_lists.rendering import Secured, Unsecured
from projections.status_lists.representation import EMBEDDED, STATUSLIST_JWT, VC_JWT, entity_tag
from projections.status_lists.view import PublishedLists
from registry.domain.events import VerificationMethodCompromised
from registry.domain.names import LogName, issuer_stream
from registry.errors import MigrationRefused, UnknownStatusList
from tests.projections.status_lists_world import World, cid, indices_in, list_of, secure


@pytest.fixture
async def lists(world: World) -> AsyncIterator[PublishedLists]:
    """As the serving process has them: it may read what was published, and no more."""
    async with asyncpg.create_pool(world.database.writer, min_size=1, max_size=2) as pool:
        yield PublishedLists(pool)


async def forms(world: World) -> list[asyncpg.Record]:
    return await world.root.fetch(
        "SELECT p.purpose, f.media_type, f.sequence, p.sequence AS of_list, f.content, f.gzip, f.etag, f.gzip_etag"
        "  FROM projections.published_forms AS f"
        "  JOIN projections.published_status_lists AS p USING (log_name, status_list_id)"
    )


async def test_a_list_is_stored_in_every_form_with_a_strong_tag_each(world: World) -> None:
    world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    stored = await forms(world)
    assert {(row["purpose"], row["media_type"]) for row in stored} == {
        ("revocation", VC_JWT), ("revocation", STATUSLIST_JWT), ("suspension", VC_JWT),
    }  # fmt: skip
    for row in stored:
        assert row["sequence"] == row["of_list"]
        assert igzip.decompress(row["gzip"]) == row["content"]
        assert (row["etag"], row["gzip_etag"]) == (entity_tag(row["content"]), entity_tag(row["gzip"]))


async def test_all_forms_change_together(world: World, lists: PublishedLists) -> None:
    issuer_id = world.issuer()
    await world.project()
    publisher = world.publisher()
    await publisher.publish(world.log)
    asked = [(world.log, list_of(issuer_id), one) for one in await lists.forms(world.log, list_of(issuer_id))]
    assert [one[2] for one in asked] == [EMBEDDED, VC_JWT, STATUSLIST_JWT]
    before = [await lists.get(*one) for one in asked]
    world.history.revoke(issuer_id, cid(1))
    await world.project()
    await publisher.publish(world.log)
    await lists.refresh()
    after = [lists.peek(*one) for one in asked]
    assert {one.sequence for one in before} == {1}
    assert {(one.sequence, one.position) for one in after if one} == {(2, len(world.history.recorded))}
    assert len({one.etag for one in (*before, *after) if one}) == 6
    values = [entries(one).value(1) for one in after if one and one.media_type != VC_JWT]
    assert values == [1, 1]


async def test_forms_are_read_when_they_are_asked_for(world: World, lists: PublishedLists) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    await lists.get(world.log, list_of(issuer_id))
    assert lists.peek(world.log, list_of(issuer_id), VC_JWT) is None
    found = await lists.get(world.log, list_of(issuer_id), VC_JWT)
    assert lists.peek(world.log, list_of(issuer_id), VC_JWT) is found
    with pytest.raises(UnknownStatusList):
        await lists.get(world.log, list_of(issuer_id, "suspension"), STATUSLIST_JWT)


async def test_the_memory_bounds_all_forms_together(world: World, lists: PublishedLists) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    one = await lists.get(world.log, list_of(issuer_id))
    small = PublishedLists(lists._pool, max_bytes=one.size_bytes + 1)
    await small.get(world.log, list_of(issuer_id))
    await small.get(world.log, list_of(issuer_id), VC_JWT)
    assert small.peek(world.log, list_of(issuer_id), EMBEDDED) is None
    assert small.peek(world.log, list_of(issuer_id), VC_JWT) is not None


async def test_a_form_that_a_list_has_no_more_is_gone(world: World, lists: PublishedLists) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    await lists.get(world.log, list_of(issuer_id), VC_JWT)

    async def without_jwt(log: LogName, unsecured: Unsecured) -> Secured:
        whole = await secure(log, unsecured)
        kept = {media_type: one for media_type, one in whole.forms.items() if media_type != VC_JWT}
        return Secured(kept, whole.verification_methods)

    world.history.revoke(issuer_id, cid(0))
    await world.project()
    await world.publisher(secure=without_jwt).publish(world.log)
    await lists.refresh()
    assert lists.peek(world.log, list_of(issuer_id), VC_JWT) is None
    assert await lists.forms(world.log, list_of(issuer_id)) == (EMBEDDED, STATUSLIST_JWT)
    assert (row["media_type"] for row in await forms(world) if row["purpose"] == "revocation")
    assert not [row for row in await forms(world) if row["sequence"] != row["of_list"]]


# ── a token list ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_list_tells_revocations_and_suspensions_in_one_value(world: World, lists: PublishedLists) -> None:
    issuer_id = world.issuer()
    world.history.revoke(issuer_id, cid(0))
    world.history.suspend(issuer_id, cid(1))
    world.history.suspend(issuer_id, cid(2))
    world.history.revoke(issuer_id, cid(2))
    token = world.token_list(issuer_id, bits=2)
    await world.project()
    await world.publisher().publish(world.log)
    published = await lists.get(world.log, token)
    assert published.media_type == STATUSLIST_JWT
    assert [lists.value(published, index) for index in range(4)] == [1, 2, 1, 0]
    world.history.reinstate(issuer_id, cid(1))
    await world.project()
    assert await world.publisher().publish(world.log) == 2
    await lists.refresh()
    published = await lists.get(world.log, token)
    assert [lists.value(published, index) for index in range(4)] == [1, 0, 1, 0]


async def test_the_lists_of_a_set_are_published_from_one_position(world: World) -> None:
    for number in range(3):
        issuer_id = world.history.issuer(f"issuer-{number}")
        world.history.credential(issuer_id, "c:0")
        world.token_list(issuer_id, bits=2)
        world.history.revoke(issuer_id, cid(0))
    await world.project()
    assert await world.publisher(settings={"batch": 4}).publish(world.log) == 9
    by_set: dict[UUID, set[int]] = {}
    for row in await world.rows():
        by_set.setdefault(row["list_set"], set()).add(row["sequence"])
    assert sorted(by_set.values(), key=min) == [{1}, {2}, {3}]


def test_batches_keep_sets_together_and_lose_nothing() -> None:
    lists = [(UUID(int=number % 3), UUID(int=number)) for number in range(9)]
    assert [[one.int for one in batch] for batch in batches(lists, 5)] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert [len(batch) for batch in batches(lists, 6)] == [6, 3]
    assert [len(batch) for batch in batches(lists, 1)] == [3, 3, 3]
    assert list(batches([], 5)) == []


# ── beside processes of yesterday ────────────────────────────────────────────────────────────────────────────

YESTERDAYS_STORE = """
INSERT INTO projections.published_status_lists AS p
       (log_name, status_list_id, list_set, purpose, url, position, log_hash, restore_position, sequence,
        body, gzip, etag, gzip_etag, ttl_s, valid_from, valid_until, published_at)
SELECT log_name, status_list_id, list_set, purpose, url, position, log_hash, restore_position, $2,
       convert_to(convert_from(body, 'UTF8') || ' ', 'UTF8'), gzip, 'yesterday', gzip_etag, ttl_s, valid_from,
       valid_until, published_at
  FROM projections.published_status_lists WHERE status_list_id = $1
    ON CONFLICT (log_name, status_list_id) DO UPDATE
   SET position = excluded.position, log_hash = excluded.log_hash, restore_position = excluded.restore_position,
       sequence = excluded.sequence, body = excluded.body, gzip = excluded.gzip, etag = excluded.etag,
       gzip_etag = excluded.gzip_etag, ttl_s = excluded.ttl_s, valid_from = excluded.valid_from,
       valid_until = excluded.valid_until, published_at = excluded.published_at
"""

YESTERDAYS_READ = """
SELECT p.status_list_id, p.list_set, p.purpose, p.url, p.position, p.sequence, p.body, p.gzip, p.etag, p.gzip_etag,
       p.ttl_s, p.valid_from, p.valid_until, p.published_at
  FROM projections.published_status_lists AS p
 WHERE p.log_name = $1 AND p.status_list_id = ANY ($2::uuid[])
"""


async def back_to_yesterday(world: World) -> None:
    """Make the tables those of the version before, with what it had published."""
    rows = await world.root.fetch(
        "SELECT log_name, status_list_id, list_set, purpose, url, position, log_hash, restore_position, sequence,"
        "       body, gzip, etag, gzip_etag, ttl_s, valid_from, valid_until, published_at"
        "  FROM projections.published_status_lists"
    )
    await world.root.execute("DROP TABLE projections.published_forms, projections.published_status_lists")
    async with world.pool.acquire() as conn:
        await conn.execute(schema("published"))
        columns = list(rows[0].keys())
        await conn.copy_records_to_table(
            "published_status_lists", schema_name="projections", records=[tuple(row) for row in rows], columns=columns
        )


async def test_what_yesterday_published_is_kept_and_gains_its_forms_at_leisure(
    world: World, lists: PublishedLists
) -> None:
    issuer_id = world.issuer()
    world.history.revoke(issuer_id, cid(1))
    await world.project()
    await world.publisher().publish(world.log)
    before = await world.rows()
    await back_to_yesterday(world)
    async with world.pool.acquire() as conn:
        await store.prepare(conn)
        await store.prepare(conn)
    assert await world.rows() == before
    assert await lists.forms(world.log, list_of(issuer_id)) == (EMBEDDED,)
    assert indices_in((await lists.get(world.log, list_of(issuer_id))).body) == {1}
    assert await world.publisher(settings={"batch": 1}).publish(world.log) == 1, "one batch a pass"
    assert await world.publisher(settings={"batch": 1}).publish(world.log) == 1
    assert await world.publisher().publish(world.log) == 0
    await lists.refresh()
    assert await lists.forms(world.log, list_of(issuer_id)) == (EMBEDDED, VC_JWT, STATUSLIST_JWT)


async def test_changes_go_before_forms_that_only_lack(world: World) -> None:
    ids = [world.history.issuer(f"issuer-{number}") for number in range(3)]
    world.history.credential(ids[2], "c:0")
    await world.project()
    await world.publisher().publish(world.log)
    await back_to_yesterday(world)
    async with world.pool.acquire() as conn:
        await store.prepare(conn)
    world.history.revoke(ids[2], cid(0))
    await world.project()
    first: list[UUID] = []

    async def noting(log: LogName, unsecured: Unsecured) -> Secured:
        first.append(unsecured.issuer_id)
        return await secure(log, unsecured)

    await world.publisher(settings={"batch": 2}, secure=noting).publish(world.log)
    assert first[0] == ids[2]
    assert len(first) == 3, "what changed, and one batch of what only lacks forms"


async def test_a_process_of_yesterday_reads_what_today_publishes(world: World) -> None:
    issuer_id = world.issuer()
    world.token_list(issuer_id, bits=2)
    await world.project()
    await world.publisher().publish(world.log)
    async with asyncpg.create_pool(world.database.writer, min_size=1, max_size=1) as pool:
        for purpose in ("revocation", "suspension"):
            [row] = await pool.fetch(YESTERDAYS_READ, world.log, [list_of(issuer_id, purpose)])
            assert indices_in(row["body"]) == set()
            assert entity_tag(row["body"]) == row["etag"]


async def test_a_publication_of_yesterday_hides_the_older_forms_until_today_publishes(
    world: World, lists: PublishedLists
) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    revocation = list_of(issuer_id)
    for media_type in (EMBEDDED, VC_JWT):
        await lists.get(world.log, revocation, media_type)
    await world.root.execute(YESTERDAYS_STORE, revocation, 2)
    await world.root.execute("UPDATE projections.published_heads SET sequence = 2")
    await lists.refresh()
    assert await lists.forms(world.log, revocation) == (EMBEDDED,)
    assert lists.peek(world.log, revocation, VC_JWT) is None
    assert (await lists.get(world.log, revocation)).etag == "yesterday"
    with pytest.raises(UnknownStatusList):
        await lists.get(world.log, revocation, VC_JWT)
    assert await world.publisher().publish(world.log) == 1
    await lists.refresh()
    found = await lists.get(world.log, revocation, VC_JWT)
    assert found.sequence == 3


async def test_a_table_in_use_is_not_waited_for_without_end(world: World) -> None:
    world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    await back_to_yesterday(world)
    async with world.root.transaction(), world.pool.acquire() as conn:
        await world.root.execute("LOCK TABLE projections.published_status_lists IN ACCESS SHARE MODE")
        await conn.execute("SET lock_timeout = '50ms'")
        with pytest.raises(MigrationRefused, match="in use"):
            await store.prepare(conn)
    async with world.pool.acquire() as conn:
        await store.prepare(conn)


# ── keys that ended ──────────────────────────────────────────────────────────────────────────────────────────


async def test_lists_that_a_compromised_key_signed_are_due_at_once(world: World) -> None:
    issuers = [world.history.issuer(f"issuer-{number}") for number in range(2)]
    await world.project()
    await world.publisher().publish(world.log)
    assert await world.publisher().publish(world.log) == 0
    method_id = "did:web:registry.example:issuers:issuer-1#key-1"
    world.history.record(
        issuer_stream(issuers[1]),
        VerificationMethodCompromised(issuer_id=issuers[1], method_id=method_id, since=world.history.at),
    )
    await world.project()
    signed: list[UUID] = []

    async def with_another(log: LogName, unsecured: Unsecured) -> Secured:
        signed.append(unsecured.issuer_id)
        whole = await secure(log, unsecured)
        return Secured(whole.forms, (f"{unsecured.issuer_did}#key-2",))

    publisher = world.publisher(secure=with_another)
    assert [await publisher.publish(world.log) for _ in range(2)] == [2, 0]
    assert set(signed) == {issuers[1]}


async def test_a_did_key_goes_on_signing_its_lists(world: World) -> None:
    issuer_id = world.history.issuer("old", did="did:key:z6MkOld")
    await world.project()
    await world.publisher().publish(world.log)
    world.history.record(
        issuer_stream(issuer_id),
        VerificationMethodCompromised(issuer_id=issuer_id, method_id="did:key:z6MkOld#key-1", since=world.history.at),
    )
    await world.project()
    assert await world.publisher().publish(world.log) == 0
    world.clock.now += timedelta(hours=7)
    assert await world.publisher().publish(world.log) == 2
