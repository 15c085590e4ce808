"""Published lists in memory: current without asking, bounded, and answering while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.status_lists.bounded import Bounded
from projections.status_lists.published_list import PublishedList
from projections.status_lists.representation import EMBEDDED
from projections.status_lists.view import RESTORED_S, PublishedLists
from registry.domain.events import Purpose
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable, UnknownStatusList
from tests.clock import FakeClock
from tests.projections.status_lists_world import World, cid, list_of, set_of
from tests.servers import TestDatabase


@pytest.fixture
async def pool(world: World) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """As the serving process has it: it may read what was published, and no more."""
    async with asyncpg.create_pool(world.database.writer, min_size=1, max_size=2) as pool:
        yield pool


async def test_a_list_is_read_once_and_then_at_hand(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    lists = PublishedLists(pool)
    assert lists.peek(world.log, list_of(issuer_id), EMBEDDED) is None
    first = await lists.get(world.log, list_of(issuer_id))
    assert lists.peek(world.log, list_of(issuer_id), EMBEDDED) is first
    assert (first.purpose, first.position) == ("revocation", len(world.history.recorded))
    assert first is await lists.by_url(world.log, first.url)


async def test_a_new_publication_replaces_what_is_in_memory(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    await world.project()
    publisher, lists = world.publisher(), PublishedLists(pool)
    await publisher.publish(world.log)
    before = await lists.get(world.log, list_of(issuer_id))
    assert lists.value(before, 1) == 0
    world.history.revoke(issuer_id, cid(1))
    await world.project()
    await publisher.publish(world.log)
    assert lists.peek(world.log, list_of(issuer_id), EMBEDDED) is before
    await lists.refresh()
    after = lists.peek(world.log, list_of(issuer_id), EMBEDDED)
    assert after is not None
    assert after.etag != before.etag
    assert [lists.value(after, index) for index in range(4)] == [0, 1, 0, 0]
    assert lists.value(before, 1) == 0, "an answer under way stays with its version"


async def test_following_needs_no_notification(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    await world.project()
    lists, wake = PublishedLists(pool), asyncio.Event()
    following = asyncio.create_task(lists.follow(wake))
    try:
        await world.publisher().publish(world.log)
        await lists.get(world.log, list_of(issuer_id))
        world.history.revoke(issuer_id, cid(0))
        await world.project()
        await world.publisher().publish(world.log)
        async with asyncio.timeout(20):
            while not ((now := lists.peek(world.log, list_of(issuer_id), EMBEDDED)) and lists.value(now, 0)):
                await world.rows()
    finally:
        following.cancel()
        await asyncio.wait([following])


async def test_a_list_that_is_published_while_asked_for_is_found(
    world: World, pool: asyncpg.Pool[asyncpg.Record]
) -> None:
    issuer_id = world.issuer()
    lists = PublishedLists(pool)
    await lists.refresh()
    await world.project()
    await world.publisher().publish(world.log)
    found = await asyncio.gather(*(lists.get(world.log, list_of(issuer_id)) for _ in range(50)))
    assert len({id(one) for one in found}) == 1


async def test_unknown_lists_are_unknown_in_every_log(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    lists = PublishedLists(pool)
    known = await lists.get(world.log, list_of(issuer_id))
    for asking in (
        lists.get(world.log, uuid4()),
        lists.get(LogName("other"), known.status_list_id),
        lists.by_url(world.log, known.url + "x"),
        lists.by_url(LogName("other"), known.url),
    ):
        with pytest.raises(UnknownStatusList):
            await asking


async def test_a_list_can_be_fetched_once_it_is_published(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    lists = PublishedLists(pool)
    assert await lists.published_of(world.log, set_of(issuer_id)) == frozenset(), "not even projected"
    await world.project()
    assert await lists.published_of(world.log, set_of(issuer_id)) == frozenset()
    await world.publisher().publish_new(world.log)
    first = await lists.published_of(world.log, set_of(issuer_id))
    assert len(first) == 2
    [added] = world.history.add_member(issuer_id, Purpose.REFRESH)
    await world.project()
    assert await lists.published_of(world.log, set_of(issuer_id)) == first
    await world.publisher().publish_new(world.log)
    assert await lists.published_of(world.log, set_of(issuer_id)) - first == {added.event.member.status_list_id}


async def test_lists_in_memory_outlive_the_database(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    lists = PublishedLists(pool)
    known = await lists.get(world.log, list_of(issuer_id))
    await world.root.execute("REVOKE SELECT ON projections.published_heads FROM registry_writer")
    await world.root.execute("ALTER TABLE projections.published_heads RENAME TO elsewhere")
    with pytest.raises(DatabaseUnavailable):
        await lists.refresh()
    with pytest.raises(DatabaseUnavailable):
        await lists.get(world.log, uuid4())
    assert await lists.get(world.log, list_of(issuer_id)) is known


Published = dict[str, list[asyncpg.Record]]


async def what_is_published(world: World) -> Published:
    tables = ("published_heads", "published_status_lists")
    return {table: await world.root.fetch(f"SELECT {table}.* FROM projections.{table}") for table in tables}


async def go_back_to(world: World, published: Published) -> None:
    for table, rows in published.items():
        await world.root.execute(f"TRUNCATE projections.{table}")
        await world.root.copy_records_to_table(table, schema_name="projections", records=[tuple(row) for row in rows])


async def test_a_database_that_lags_takes_nothing_back_until_it_counts_as_restored(
    world: World, pool: asyncpg.Pool[asyncpg.Record]
) -> None:
    """Behind several standbys each look may be at another one; in a restored database sequences begin again."""
    issuer_id, other = world.issuer(), world.history.issuer("other")
    world.history.credential(other, cid(0))
    await world.project()
    clock, publisher = FakeClock(), world.publisher()
    lists = PublishedLists(pool, monotonic=lambda: clock.now.timestamp())
    await publisher.publish(world.log)
    before = await what_is_published(world)
    world.history.revoke(issuer_id, cid(0))
    world.history.revoke(other, cid(0))
    await world.project()
    await publisher.publish(world.log)
    after = await what_is_published(world)

    async def bit() -> int:
        found = await lists.by_urls(world.log, urls)
        [value] = [lists.value(one, 0) for one in found.values() if one is not None]
        return value

    urls = [(await lists.get(world.log, list_of(issuer_id))).url]
    assert await bit() == 1
    await go_back_to(world, before)
    await lists.refresh()
    assert await bit() == 1
    with pytest.raises(DatabaseUnavailable, match="latest publication yet"):
        await lists.get(world.log, list_of(other))
    await go_back_to(world, after)
    await lists.refresh()
    assert await bit() == 1
    assert lists.value(await lists.get(world.log, list_of(other)), 0) == 1
    await go_back_to(world, before)
    await lists.refresh()
    clock.advance(seconds=RESTORED_S + 1)
    await lists.refresh()
    assert await bit() == 0


async def test_of_a_restored_database_another_history_is_learned_though_it_has_grown(
    world: World, pool: asyncpg.Pool[asyncpg.Record]
) -> None:
    """What it published under sequences that were seen before is other lists."""
    issuer_id, lists = world.issuer(), PublishedLists(pool)
    await world.project()
    publisher = world.publisher()
    await publisher.publish(world.log)
    before = await what_is_published(world)
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    await publisher.publish(world.log)
    lost = await lists.get(world.log, list_of(issuer_id))
    await go_back_to(world, before)
    await lists.refresh()
    world.history.revoke(issuer_id, cid(1))
    world.clock.advance(seconds=1)
    await world.project()
    await world.publisher().publish(world.log)
    await lists.refresh()
    found = await lists.get(world.log, list_of(issuer_id))
    assert (found.sequence, found.etag == lost.etag) == (lost.sequence, False)
    assert lists.value(found, 1) == 1


async def test_of_many_lists_those_unknown_take_one_look_and_those_lost_are_unknown(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    asked: list[str] = []

    async def noting(conn: asyncpg.Connection[asyncpg.Record]) -> None:
        conn.add_query_logger(lambda query: asked.append(query.query))

    async with asyncpg.create_pool(world.database.writer, min_size=1, max_size=1, init=noting) as pool:
        lists = PublishedLists(pool)
        known = await lists.get(world.log, list_of(issuer_id))
        asked.clear()
        strangers = [f"https://nowhere.example/{number}" for number in range(1_000)]
        found = await lists.by_urls(world.log, [known.url, *strangers])
        assert found == {known.url: known} | dict.fromkeys(strangers)
        assert len([one for one in asked if "published" in one]) == 1
        await world.root.execute("DELETE FROM projections.published_status_lists")
        small = PublishedLists(pool, max_bytes=1)
        await small.refresh()
        assert await small.by_urls(world.log, [known.url]) == {known.url: None}


async def test_before_the_projections_are_set_up_the_database_is_unavailable(database: TestDatabase) -> None:
    async with asyncpg.create_pool(database.writer, min_size=1, max_size=1) as pool:
        with pytest.raises(DatabaseUnavailable, match="not set up"):
            await PublishedLists(pool).refresh()


async def test_beside_yesterdays_publisher_the_database_is_unavailable_until_todays_has_started(
    world: World, pool: asyncpg.Pool[asyncpg.Record]
) -> None:
    world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    for column in ("media_types", "verification_methods", "forms_sequence"):
        await world.root.execute(f"ALTER TABLE projections.published_status_lists DROP COLUMN {column}")
    with pytest.raises(DatabaseUnavailable, match="this version's `registry project`"):
        await PublishedLists(pool).refresh()


async def test_an_entry_outside_the_list_is_an_index_error(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    lists = PublishedLists(pool)
    known = await lists.get(world.log, list_of(issuer_id))
    assert lists.value(known, 131_071) == 0
    for index in (-1, 131_072):
        with pytest.raises(IndexError):
            lists.value(known, index)


async def test_a_list_is_never_cached_past_its_end(world: World, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher(settings={"validity_s": 100, "ttl_s": 60}).publish(world.log)
    known = await PublishedLists(pool).get(world.log, list_of(issuer_id))
    start = world.clock.now
    ages = {second: known.max_age_at(start + timedelta(seconds=second)) for second in (0, 40, 50, 99, 100, 500)}
    assert ages == {0: 60, 40: 60, 50: 50, 99: 1, 100: 0, 500: 0}
    assert not known.is_expired_at(start + timedelta(seconds=99))
    assert known.is_expired_at(start + timedelta(seconds=100))
    assert not known.is_settled_at(start + timedelta(seconds=2))
    assert known.is_settled_at(start + timedelta(seconds=3))
    assert known.last_modified == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_a_list_counts_with_both_of_its_forms(clock: FakeClock) -> None:
    one = PublishedList(
        LogName("main"), uuid4(), uuid4(), "revocation", "https://x", 1, 1, EMBEDDED, bytes(3000), bytes(2000), "", "",
        60, clock.now, clock.now, clock.now, "",
    )  # fmt: skip
    assert one.size_bytes >= 5000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 60)), max_size=60))
def test_the_store_keeps_what_was_used_last_within_its_bytes(puts: list[tuple[int, int]]) -> None:
    store: Bounded[int, bytes] = Bounded(100, len)
    newest: dict[int, bytes] = {}
    for key, size in puts:
        store.put(key, bytes(size))
        newest.pop(key, None)
        newest[key] = bytes(size)
        assert store.get(key) == bytes(size)
        assert store.bytes <= 100
    kept = [key for key in newest if key in store]
    assert kept == list(newest)[len(newest) - len(kept) :], "the oldest go first"
    assert store.bytes == sum(len(newest[key]) for key in kept)
