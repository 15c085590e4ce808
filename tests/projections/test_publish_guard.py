"""The guard: no fork, no position backwards, no revocation taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.status_lists import head_file
from projections.status_lists.frontier import disputed_head
from projections.status_lists.guard import PublishedHead, Restore, lost_bits, must_follow, united
from projections.status_lists.publish import Publisher
from projections.status_lists.representation import STATUSLIST_JWT
from projections.status_lists.view import PublishedLists
from registry.domain.events import Purpose
from registry.errors import ForkedLog, RestoreOnItsWay
from tests.builders import LOG
from tests.clock import FakeClock
from tests.projections.status_lists_world import World, cid, list_of, open_world
from tests.servers import TestDatabase

AT = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = b"\x01" * 32, b"\x02" * 32


def head(position: int, restore: int = 0) -> PublishedHead:
    return PublishedHead(position, OLD, restore, AT)


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_log_that_goes_on_from_what_was_published_may_be_published_from_there() -> None:
    assert must_follow(LOG, head(100), OLD, []) == 100
    assert must_follow(LOG, None, None, []) == 0
    assert must_follow(LOG, head(0), None, []) == 0


@pytest.mark.parametrize("there", [None, NEW], ids=["shorter", "another history"])
def test_a_log_that_does_not_go_on_from_what_was_published_is_forked(there: bytes | None) -> None:
    with pytest.raises(ForkedLog, match="accept-restore"):
        must_follow(LOG, head(100), there, [])


@pytest.mark.parametrize(
    ("published", "restores", "is_accepted"),
    [
        (head(100), [Restore(81, 100, OLD, 80)], True),
        (head(100), [Restore(81, 100, NEW, 80)], False),
        (head(90), [Restore(81, 100, NEW, 80)], True),
        (head(90, restore=81), [Restore(81, 100, NEW, 80)], False),
        (head(120), [Restore(81, 100, NEW, 80)], False),
        (head(80), [Restore(81, 100, NEW, 80)], False),
        (head(120, restore=81), [Restore(71, 120, OLD, 70)], True),
        (head(120, restore=81), [Restore(50, 1000, NEW, 49)], False),
        (head(100), [Restore(81, 100, OLD, 80), Restore(85, 95, NEW, 84)], True),
    ],
    ids=[
        "the very head that was accepted",
        "another head at the same position",
        "an older head on the branch that was cut off",
        "a head published after the accepted restore: a second fork",
        "a head beyond what was accepted",
        "a head before the restored position",
        "a restore to before an earlier restore",
        "a head that an older restore cannot have meant",
        "accepted, and then restored again",
    ],
)
def test_a_fork_is_published_only_if_it_was_accepted(
    published: PublishedHead, restores: list[Restore], *, is_accepted: bool
) -> None:
    if is_accepted:
        assert must_follow(LOG, published, NEW, restores) == 0
    else:
        with pytest.raises(ForkedLog):
            must_follow(LOG, published, NEW, restores)


@given(published=st.binary(max_size=64), now=st.binary(max_size=64))
def test_lost_bits_are_those_that_a_union_brings_back(published: bytes, now: bytes) -> None:
    lost = lost_bits(published, now)
    width = max(len(published), len(now))
    assert united(now, lost).ljust(width, b"\x00") == united(now, published)
    assert lost_bits(published, united(now, lost)) == b""


# ── in the world ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def world(database: TestDatabase, clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, clock, tmp_path / "published") as world:
        yield world


async def first_published(world: World) -> tuple[Publisher, PublishedHead]:
    """Publish what there is; return by whom, and up to where the world saw it."""
    publisher = world.publisher()
    await publisher.publish(world.log)
    published = head_file.read(world.directory, world.log)
    assert published is not None
    return publisher, published


async def test_a_restored_log_is_not_published_until_the_restore_is_accepted(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    issuer_id = world.issuer()
    await world.project()
    restored_to = len(world.history.recorded)
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    publisher, published = await first_published(world)

    await world.restore(restored_to)
    with pytest.raises(ForkedLog, match="is shorter"):
        await publisher.check(world.log)
    assert await disputed_head(world.root, world.log, world.directory) == published
    assert "accept-restore" in (publisher.progress_of(world.log).halted or "")
    world.history.revoke(issuer_id, cid(1))
    world.history.revoke(issuer_id, cid(2))
    await world.project()
    before = await world.rows()
    with pytest.raises(ForkedLog, match="another history"):
        await publisher.publish(world.log)
    assert await world.rows() == before

    world.accept_restore(published.position, published.hash, restored_to)
    await world.write()
    started_later = world.publisher()
    caplog.clear()
    with pytest.raises(RestoreOnItsWay):
        await started_later.publish(world.log)
    assert (started_later.progress_of(world.log).halted, caplog.messages) == (None, []), "it is known, and on its way"
    await world.project()
    assert await publisher.publish(world.log) == 2
    assert [one[:20] for one in caplog.messages] == ["publishing goes on: "]
    assert publisher.progress_of(world.log).halted is None
    assert await world.published() == {0, 1, 2}, "what the world was told to be revoked stays revoked"
    assert publisher.progress_of(world.log).kept_bits == 1
    accepted = head_file.read(world.directory, world.log)
    assert accepted is not None
    assert accepted.position == len(world.history.recorded)
    assert await disputed_head(world.root, world.log, world.directory) is None

    world.history.revoke(issuer_id, cid(3))
    await world.project()
    assert await publisher.publish(world.log) == 1
    assert await world.published() == {0, 1, 2, 3}, "and does so for ever"


async def test_after_an_accepted_restore_a_change_below_the_old_position_is_published(world: World) -> None:
    """Positions begin again below what was published, and must not be taken for old ones."""
    issuer_id = world.issuer(30)
    await world.project()
    restored_to = len(world.history.recorded)
    for number in range(20):
        world.history.suspend(issuer_id, cid(number))
    await world.project()
    publisher, published = await first_published(world)
    await world.restore(restored_to)
    world.accept_restore(published.position, published.hash, restored_to)
    world.history.suspend(issuer_id, cid(25))
    await world.project()
    await publisher.publish(world.log)
    assert await world.published("suspension") == {25}
    await world.oracle()


async def test_a_fork_of_one_log_is_found_by_the_database_when_the_file_is_lost(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    restored_to = len(world.history.recorded)
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    await world.publisher().publish(world.log)
    await world.restore(restored_to)
    (world.directory / f"{world.log}.json").unlink()
    with pytest.raises(ForkedLog):
        await world.publisher().publish(world.log)
    disputed = await disputed_head(world.root, world.log, world.directory)
    assert disputed is not None
    assert disputed.position == restored_to + 1
    world.accept_restore(disputed.position, disputed.hash, restored_to)
    await world.project()
    assert await disputed_head(world.root, world.log, world.directory) is None
    assert await world.publisher().publish(world.log) == 2


async def test_a_fork_is_found_by_the_file_when_all_of_the_database_was_restored(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    restored_to = len(world.history.recorded)
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    await world.publisher().publish(world.log)
    await world.restore(restored_to)
    await world.root.execute("TRUNCATE projections.published_heads, projections.published_status_lists")
    with pytest.raises(ForkedLog):
        await world.publisher().publish_new(world.log)
    assert await world.rows() == []


async def test_a_projection_that_lost_a_revocation_is_not_published(world: World) -> None:
    issuer_id = world.issuer()
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    publisher = world.publisher()
    await publisher.publish(world.log)
    await world.root.execute("DELETE FROM status_lists_1.status_list_bits")
    world.history.revoke(issuer_id, cid(1))
    world.history.suspend(issuer_id, cid(2))
    await world.project()
    assert await publisher.publish(world.log) == 1
    [sentence] = publisher.progress_of(world.log).refused.values()
    assert "1 final bits" in sentence
    assert await world.published() == {0}
    assert await world.published("suspension") == {2}, "other lists go on"


async def test_a_projection_that_is_behind_what_was_published_is_waited_for(world: World) -> None:
    issuer_id = world.issuer()
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    publisher = world.publisher(settings={"validity_s": 3600})
    await publisher.publish(world.log)
    await world.forget_projection()
    world.clock.advance(seconds=3000)
    before = await world.rows()
    assert await publisher.publish(world.log) == 0
    assert await world.rows() == before
    await world.project()
    assert await publisher.publish(world.log) == 2
    await world.oracle()


async def test_a_projection_beyond_its_log_is_a_fork(world: World) -> None:
    issuer_id = world.issuer()
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    await world.root.execute("DELETE FROM events WHERE position > 3")
    with pytest.raises(ForkedLog, match="Rebuild the projections"):
        await world.publisher().publish(world.log)


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_remembers_the_head(tmp_path: Path) -> None:
    assert head_file.read(tmp_path, LOG) is None
    head_file.advance(tmp_path, LOG, head(7), seen=None)
    assert head_file.read(tmp_path, LOG) == head(7)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".main.lock", "main.json"]


def test_a_late_publisher_does_not_take_the_file_back(tmp_path: Path) -> None:
    head_file.advance(tmp_path, LOG, head(9), seen=None)
    head_file.advance(tmp_path, LOG, head(8), seen=head(7))
    assert head_file.read(tmp_path, LOG) == head(9)


def test_after_an_accepted_restore_the_file_goes_back(tmp_path: Path) -> None:
    head_file.advance(tmp_path, LOG, head(9), seen=None)
    head_file.advance(tmp_path, LOG, head(4, restore=3), seen=head(9))
    assert head_file.read(tmp_path, LOG) == head(4, restore=3)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"position": "x"}', '{"position": 1, "hash": "zz"}'])
def test_a_file_that_cannot_be_read_stops_publishing_until_it_is_accepted(tmp_path: Path, content: str) -> None:
    (tmp_path / "main.json").write_text(content)
    with pytest.raises(ForkedLog, match="cannot be read"):
        head_file.read(tmp_path, LOG)
    head_file.accept(tmp_path, LOG, head(3))
    assert head_file.read(tmp_path, LOG) == head(3)


async def test_a_restore_that_loses_only_registrations_is_a_fork_too(world: World) -> None:
    """Their indices are in the world, though no list changed since: given out again, one would mean two credentials."""
    issuer_id = world.issuer()
    await world.project()
    publisher = world.publisher()
    await publisher.publish(world.log)
    restored_to = len(world.history.recorded)
    world.history.credential(issuer_id, "c:lost")
    await world.project()
    await publisher.remember(world.log)
    remembered = head_file.read(world.directory, world.log)
    assert remembered is not None
    assert remembered.position == len(world.history.recorded)

    await world.restore(restored_to)
    with pytest.raises(ForkedLog, match="is shorter"):
        await publisher.check(world.log)
    assert await disputed_head(world.root, world.log, world.directory) == remembered


async def test_what_was_revoked_stays_invalid_in_every_form_after_a_restore(world: World) -> None:
    """Also in a token list that came later: it tells what the world saw of its set's revocation list."""
    issuer_id, other = world.issuer(), world.history.issuer("other")
    world.history.credential(other, cid(0))
    tokens = {issuer_id: world.token_list(issuer_id, bits=2)}
    await world.project()
    restored_to = len(world.history.recorded)
    for one in (issuer_id, other):
        world.history.revoke(one, cid(0))
    world.history.suspend(issuer_id, cid(1))
    await world.project()
    publisher, published = await first_published(world)

    await world.restore(restored_to)
    tokens[other] = world.token_list(other, bits=4)
    world.accept_restore(published.position, published.hash, restored_to)
    await world.project()
    assert await publisher.publish(world.log) == 6
    lists = PublishedLists(world.pool)
    for one, expected in ((issuer_id, [1, 0]), (other, [1, 0])):
        for status_list_id in (list_of(one), tokens[one]):
            found = await lists.get(world.log, status_list_id, STATUSLIST_JWT)
            assert [lists.value(found, index) for index in range(2)] == expected


async def test_what_was_superseded_stays_so_after_a_restore(world: World) -> None:
    """A refresh bit is not reversible (Bitstring Status List 1.0, section 2.2); a suspension bit is."""
    issuer_id = world.issuer()
    world.history.add_member(issuer_id, Purpose.REFRESH)
    await world.project()
    restored_to = len(world.history.recorded)
    world.history.supersede(issuer_id, cid(0), cid(1))
    world.history.suspend(issuer_id, cid(1))
    await world.project()
    publisher, published = await first_published(world)

    await world.restore(restored_to)
    world.accept_restore(published.position, published.hash, restored_to)
    await world.project()
    await publisher.publish(world.log)
    assert publisher.progress_of(world.log).kept_bits == 1
    lists = PublishedLists(world.pool)
    for purpose, expected in (("refresh", [1, 0]), ("suspension", [0, 0]), ("revocation", [0, 0])):
        found = await lists.get(world.log, list_of(issuer_id, purpose))
        assert [lists.value(found, index) for index in range(2)] == expected
