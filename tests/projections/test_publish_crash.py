"""The crash table of publishing: every step fails, or fails although it took effect; the next run repairs it."""

from __future__ import annotations

import pytest

from projections.status_lists import head_file
from registry.log.connection import LOST
from tests.projections.status_lists_world import World, cid

STEPS = ["rendered", "secured", "head-written", "uncommitted", "stored"]


class Died(Exception):
    """The process ended here."""


def dies_after(step: str):
    async def die(done: str) -> None:
        if done == step:
            raise Died

    return die


@pytest.mark.parametrize("step", STEPS)
async def test_after_a_death_at_any_step_the_next_run_publishes_what_is_missing(world: World, step: str) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher().publish(world.log)
    before = await world.rows()
    world.history.revoke(issuer_id, cid(1))
    await world.project()
    with pytest.raises(Died):
        await world.publisher(step=dies_after(step)).publish(world.log)
    await world.oracle()
    assert (await world.published() == {1}) == (step == "stored"), "visible only once it is committed"
    if step != "stored":
        assert await world.rows() == before
    world.history.revoke(issuer_id, cid(2))
    await world.project()
    assert await world.publisher().publish(world.log) == 1
    assert await world.published() == {1, 2}


@pytest.mark.parametrize("step", STEPS)
async def test_the_first_publication_survives_a_death_at_any_step(world: World, step: str) -> None:
    issuer_id = world.issuer()
    world.history.suspend(issuer_id, cid(0))
    await world.project()
    with pytest.raises(Died):
        await world.publisher(step=dies_after(step)).publish_new(world.log)
    await world.publisher().publish_new(world.log)
    assert len(await world.rows()) == 2
    assert await world.published("suspension") == {0}


async def test_the_file_is_never_behind_what_the_world_saw(world: World) -> None:
    """The one order that makes a fork visible: outside first, then for all to see."""
    issuer_id = world.issuer()
    await world.project()

    async def compare(done: str) -> None:
        head = head_file.read(world.directory, world.log)
        rows = await world.rows()
        assert not rows or (head is not None and head.position >= max(row["position"] for row in rows))
        if done in ("head-written", "uncommitted", "stored"):
            assert head is not None
            assert head.position == len(world.history.recorded)

    publisher = world.publisher(step=compare)
    assert await publisher.publish(world.log) == 2
    world.history.revoke(issuer_id, cid(0))
    await world.project()
    assert await publisher.publish(world.log) == 1


async def test_a_connection_killed_in_the_storing_transaction_leaves_nothing_half_done(world: World) -> None:
    issuer_id = world.issuer()
    world.history.revoke(issuer_id, cid(0))
    await world.project()

    async def kill(done: str) -> None:
        if done == "uncommitted":
            await world.root.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction'"
            )

    with pytest.raises(LOST):
        await world.publisher(step=kill).publish(world.log)
    assert await world.rows() == []
    assert await world.publisher().publish(world.log) == 2
    assert await world.published() == {0}
