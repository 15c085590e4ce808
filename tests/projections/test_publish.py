"""Publishing: what is due, what is signed, and what the world then sees."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import orjson
from isal import igzip

from projections.status_lists import encoded_list
from projections.status_lists.published_list import published_bits
from projections.status_lists.rendering import Secured, Unsecured
from projections.status_lists.representation import entity_tag
from projections.status_lists.ticking import publish_for_ever
from registry.domain.names import LogName
from registry.errors import MasterKeyUnusable
from tests.projections.status_lists_world import World, cid, indices_in, secure, set_of


async def test_a_new_set_is_published_without_waiting_for_the_tick(world: World) -> None:
    world.issuer()
    await world.project()
    publisher = world.publisher()
    assert await publisher.publish_new(world.log) == 2
    assert await publisher.publish_new(world.log) == 0
    assert await world.published() == set()


async def test_changed_bits_wait_for_the_tick(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    publisher = world.publisher()
    await publisher.publish_new(world.log)
    world.history.revoke(issuer_id, cid(2))
    world.history.suspend(issuer_id, cid(3))
    await world.project()
    assert await publisher.publish_new(world.log) == 0
    assert await world.published() == set()
    assert await publisher.publish(world.log) == 2
    assert await world.published() == {2}
    assert await world.published("suspension") == {3}


async def test_only_lists_that_changed_are_published_again(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    publisher = world.publisher()
    assert await publisher.publish(world.log) == 2
    assert await publisher.publish(world.log) == 0
    world.history.revoke(issuer_id, cid(1))
    await world.project()
    assert await publisher.publish(world.log) == 1
    assert {row["purpose"]: row["sequence"] for row in await world.rows()} == {"revocation": 2, "suspension": 1}


async def test_a_reinstated_credential_has_a_clear_bit_again(world: World) -> None:
    issuer_id = world.issuer()
    world.history.suspend(issuer_id, cid(1))
    await world.project()
    publisher = world.publisher()
    await publisher.publish(world.log)
    assert await world.published("suspension") == {1}
    world.history.reinstate(issuer_id, cid(1))
    await world.project()
    await publisher.publish(world.log)
    assert await world.published("suspension") == set()


async def test_a_list_is_signed_anew_past_half_of_its_validity(world: World) -> None:
    world.issuer()
    await world.project()
    publisher = world.publisher(settings={"validity_s": 3600})
    await publisher.publish(world.log)
    world.clock.advance(seconds=1799)
    assert await publisher.publish(world.log) == 0
    world.clock.advance(seconds=1)
    assert await publisher.publish(world.log) == 2
    assert {row["valid_until"] for row in await world.rows()} == {world.clock.now + timedelta(hours=1)}
    assert publisher.progress_of(world.log).valid_until == world.clock.now + timedelta(hours=1)


async def test_what_has_not_changed_is_signed_anew_a_batch_a_pass_while_it_can_wait(world: World) -> None:
    for number in range(3):
        world.history.issuer(f"issuer-{number}")
    await world.project()
    publisher = world.publisher(settings={"validity_s": 3600, "batch": 2})
    assert await publisher.publish(world.log) == 6
    world.clock.advance(seconds=1800)
    assert [await publisher.publish(world.log) for _ in range(4)] == [2, 2, 2, 0]
    world.clock.advance(seconds=2700)
    assert await publisher.publish(world.log) == 6, "a quarter of the validity is left: nothing waits"


async def test_what_changed_does_not_wait_for_what_is_only_old(world: World) -> None:
    issuers = [world.history.issuer(f"issuer-{number}") for number in range(4)]
    last = max(issuers, key=set_of)
    world.history.credential(last, "c:0")
    await world.project()
    publisher = world.publisher(settings={"validity_s": 3600, "batch": 1})
    await publisher.publish(world.log)
    before = max(row["sequence"] for row in await world.rows())
    world.clock.advance(seconds=2800)
    world.history.revoke(last, cid(0))
    await world.project()
    assert await publisher.publish(world.log) == 8
    first = [row for row in await world.rows() if row["sequence"] == before + 1]
    assert {row["list_set"] for row in first} == {set_of(last)}
    assert {0} in [indices_in(row["body"]) for row in first]


async def test_a_list_that_only_grew_old_is_compressed_with_more_care(world: World) -> None:
    issuer_id = world.issuer(credentials=60)
    for number in (1, 2, 4, 8, 16, 17, 31, 59):
        world.history.revoke(issuer_id, cid(number))
    await world.project()
    publisher = world.publisher(settings={"validity_s": 3600})
    for is_settled in (False, True):
        await publisher.publish(world.log)
        [row] = [row for row in await world.rows() if row["purpose"] == "revocation"]
        text = orjson.loads(row["body"])["credentialSubject"]["encodedList"]
        assert text == encoded_list.encode(published_bits(row["body"]), is_settled=is_settled)
        await world.oracle()
        world.clock.advance(seconds=1800)


async def test_the_list_says_when_it_holds(world: World) -> None:
    world.issuer()
    await world.project()
    await world.publisher(settings={"ttl_s": 5, "validity_s": 3600}).publish(world.log)
    for row in await world.rows():
        document = orjson.loads(row["body"])
        assert document["validFrom"] == "2025-12-31T23:55:00Z"
        assert document["validUntil"] == "2026-01-01T01:00:00Z"
        assert document["credentialSubject"]["ttl"] == 5000
        assert document["credentialSubject"]["statusPurpose"] == row["purpose"]


async def test_stored_bytes_carry_a_strong_tag_each(world: World) -> None:
    world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    rows = await world.root.fetch("SELECT body, gzip, etag, gzip_etag FROM projections.published_status_lists")
    for row in rows:
        assert igzip.decompress(row["gzip"]) == row["body"]
        assert row["etag"] == entity_tag(row["body"])
        assert row["gzip_etag"] == entity_tag(row["gzip"])


async def test_lists_that_a_batch_cannot_hold_go_into_the_next(world: World) -> None:
    for number in range(4):
        world.history.issuer(f"issuer-{number}")
    await world.project()
    assert await world.publisher(settings={"batch": 3}).publish(world.log) == 8
    assert [row["sequence"] for row in await world.rows()].count(3) == 2


async def test_two_publishers_at_once_publish_every_change_once(world: World) -> None:
    issuer_id = world.issuer(20)
    await world.project()
    one, other = world.publisher(), world.publisher()
    for number in range(0, 20, 4):
        for offset in range(4):
            world.history.revoke(issuer_id, cid(number + offset))
        await world.project()
        await asyncio.gather(one.publish(world.log), other.publish(world.log))
        await world.oracle()
        assert await world.published() == set(range(number + 4))
    assert one.progress_of(world.log).lost_races + other.progress_of(world.log).lost_races > 0


async def test_a_publication_decided_before_another_is_dropped(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()

    async def another_comes_between(step: str) -> None:
        if step == "secured":
            world.history.revoke(issuer_id, cid(0))
            await world.project()
            await world.publisher().publish(world.log)

    late = world.publisher(step=another_comes_between)
    assert await late.publish(world.log) == 0
    assert late.progress_of(world.log).lost_races == 1
    assert await world.published() == {0}


async def test_a_list_that_cannot_be_signed_is_named_and_keeps_no_other_from_being_published(world: World) -> None:
    world.history.issuer("unlucky")
    world.history.issuer("lucky")
    await world.project()

    async def sometimes(log: LogName, unsecured: Unsecured) -> Secured:
        if unsecured.issuer_did.endswith("unlucky"):
            raise MasterKeyUnusable("The master key is gone.")
        return await secure(log, unsecured)

    publisher = world.publisher(secure=sometimes)
    assert await publisher.publish(world.log) == 2
    refused = publisher.progress_of(world.log).refused
    assert len(refused) == 2
    assert all("The master key is gone." in sentence for sentence in refused.values())
    assert await publisher.publish_new(world.log) == 0, "it waits for the tick"
    assert await world.publisher().publish(world.log) == 2


async def test_the_progress_tells_what_is_pending_and_how_long_it_took(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    seen: list[float] = []
    took: list[float] = []
    publisher = world.publisher(
        observe_visible=lambda _log, seconds: seen.append(seconds),
        observe_batch=lambda _log, seconds: took.append(seconds),
    )
    await publisher.publish(world.log)
    seen.clear()
    assert len(took) == 1
    assert await publisher.publish(world.log) == 0
    assert len(took) == 1, "nothing was published, so it took no time"
    [revoked] = world.history.revoke(issuer_id, cid(0))
    await world.project()
    world.clock.now = revoked.recorded_at + timedelta(seconds=3)
    progress = publisher.progress_of(world.log)
    assert progress.pending == {}
    await publisher.publish(world.log)
    assert seen == [3.0]
    assert progress.dirty == 1
    assert progress.pending == {}
    assert progress.published == 3
    assert len(took) == 2
    assert min(took) > 0


async def test_what_stays_unpublished_grows_old(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    [revoked] = world.history.revoke(issuer_id, cid(0))
    await world.project()

    async def never(_log: LogName, _unsecured: Unsecured) -> Secured:
        raise MasterKeyUnusable("The master key is gone.")

    publisher = world.publisher(secure=never)
    for seconds in (10, 20):
        world.clock.now = revoked.recorded_at + timedelta(seconds=seconds)
        assert await publisher.publish(world.log) == 0
        assert publisher.progress_of(world.log).oldest_pending_s(world.clock.now) == seconds
    world.history.revoke(issuer_id, cid(1))
    await world.project()
    await publisher.publish(world.log)
    assert publisher.progress_of(world.log).oldest_pending_s(world.clock.now) == 20, "a newer change hides no older one"


async def test_the_day_goes_on_when_one_log_is_in_trouble(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    publisher, wake = world.publisher(), asyncio.Event()
    (world.directory).mkdir()
    (world.directory / "broken.json").write_text("{")

    async def logs() -> list[LogName]:
        return [LogName("broken"), world.log]

    day = asyncio.create_task(publish_for_ever(publisher, logs, tick_s=0.01, wake=wake))
    try:
        world.history.revoke(issuer_id, cid(3))
        await world.project()
        async with asyncio.timeout(20):
            while not await world.rows() or await world.published() != {3}:
                wake.set()
                await asyncio.sleep(0)
    finally:
        day.cancel()
        await asyncio.wait([day])
    assert "cannot be read" in (publisher.progress_of(LogName("broken")).halted or "")
    assert publisher.progress_of(world.log).halted is None


async def test_a_publisher_that_starts_before_the_first_projection_waits_for_it(world: World) -> None:
    for table in ("sets", "members", "bits", "restores"):
        await world.root.execute(f"DROP VIEW projections.status_list_{table}")
    await world.root.execute("DROP SCHEMA status_lists_1 CASCADE")
    await world.root.execute("TRUNCATE projections.generations, projections.checkpoints")
    world.issuer()
    await world.write()
    publisher, asked, published = world.publisher(), 0, asyncio.Event()

    async def logs() -> list[LogName]:
        nonlocal asked
        asked += 1
        if asked == 3:
            await world.project()
        if asked > 3 and len(await world.rows()) == 2:
            published.set()
        return [world.log]

    day = asyncio.create_task(publish_for_ever(publisher, logs, tick_s=0.001, wake=asyncio.Event()))
    try:
        async with asyncio.timeout(20):
            await published.wait()
    finally:
        day.cancel()
        await asyncio.wait([day])
    assert publisher.progress_of(world.log).errors == 0
