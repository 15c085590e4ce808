"""Lists that a compromised key signed are signed anew at once; a planned rotation waits until they are due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from projections.status_lists.rendering import Secured, Unsecured
from registry.domain.names import LogName
from tests.projections.status_lists_world import World, secure


def by(number: int) -> Callable[[LogName, Unsecured], Awaitable[Secured]]:
    """What signs as the issuer's *number*-th key."""

    async def signed(log: LogName, unsecured: Unsecured) -> Secured:
        return replace(await secure(log, unsecured), verification_methods=(f"{unsecured.issuer_did}#key-{number}",))

    return signed


async def test_what_a_compromised_key_signed_is_due_at_once_and_once(world: World) -> None:
    issuer_id = world.issuer()
    other = world.history.issuer("other")
    await world.project()
    await world.publisher(secure=by(1)).publish(world.log)
    assert other
    world.history.rotate_key(issuer_id, since=world.history.at)
    await world.project()
    publisher = world.publisher(secure=by(2))
    assert await publisher.publish(world.log) == 2
    assert await publisher.publish(world.log) == 0


async def test_until_another_key_signed_it_a_list_stays_due(world: World) -> None:
    """As for a DID that is controlled elsewhere and does not list the successor yet, or a process of yesterday."""
    issuer_id = world.issuer()
    await world.project()
    publisher = world.publisher(secure=by(1))
    await publisher.publish(world.log)
    world.history.rotate_key(issuer_id, since=world.history.at)
    await world.project()
    assert [await publisher.publish(world.log) for _ in range(2)] == [2, 2]
    assert await world.publisher(secure=by(2)).publish(world.log) == 2


async def test_a_planned_rotation_leaves_lists_as_they_are_until_they_are_due(world: World) -> None:
    issuer_id = world.issuer()
    await world.project()
    publisher = world.publisher(secure=by(1), settings={"validity_s": 3600})
    await publisher.publish(world.log)
    world.history.rotate_key(issuer_id)
    await world.project()
    assert await publisher.publish(world.log) == 0
    world.clock.advance(seconds=1800)
    assert await publisher.publish(world.log) == 2


async def test_the_lists_of_a_did_key_are_never_due_for_its_compromise(world: World) -> None:
    """Nothing else can sign them, so they would be due for ever."""
    issuer_id = world.history.issuer(did="did:key:zOld")
    await world.project()
    publisher = world.publisher(secure=by(1))
    await publisher.publish(world.log)
    world.history.rotate_key(issuer_id, since=world.history.at)
    await world.project()
    assert await publisher.publish(world.log) == 0


@pytest.mark.parametrize("is_changed", [False, True])
async def test_a_list_that_a_compromised_key_signed_grows_old_from_its_compromise_on(
    world: World, is_changed: bool
) -> None:
    issuer_id = world.issuer()
    await world.project()
    await world.publisher(secure=by(1)).publish(world.log)
    [changed] = world.history.revoke(issuer_id, "c:0") if is_changed else [None]
    compromised = world.history.rotate_key(issuer_id, since=world.history.at)[-1]
    await world.project()

    async def refuse(_log: LogName, _unsecured: Unsecured) -> Secured:
        raise RuntimeError("no key")

    publisher = world.publisher(secure=refuse)
    await publisher.publish(world.log)
    since = changed.recorded_at if changed else compromised.recorded_at
    progress = publisher.progress_of(world.log)
    assert (min(progress.pending.values()), progress.dirty) == (since, 2)
