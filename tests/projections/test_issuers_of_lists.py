"""Reading the issuers of a publication's lists: together, as they are now, and each for itself when one is missing."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from registry.errors import UnknownIssuer
from registry.list_signer import Issuers
from tests.projections.status_lists_world import World


class Counting:
    """A pool that counts what is asked."""

    def __init__(self, pool: Any) -> None:
        self._pool, self.asked = pool, 0

    async def fetch(self, *query: Any) -> Any:
        self.asked += 1
        return await self._pool.fetch(*query)


class Broken:
    async def fetch(self, *_query: Any) -> Any:
        raise ConnectionResetError


async def test_the_issuers_of_all_lists_are_read_by_one_query(world: World) -> None:
    ids = [world.history.issuer(f"issuer-{number}") for number in range(20)]
    await world.project()
    pool = Counting(world.pool)
    issuers = Issuers(pool)  # type: ignore[arg-type]
    found = await asyncio.gather(*(issuers.get(world.log, one) for one in [*ids, *ids]))
    assert [one.slug for one in found] == [f"issuer-{number}" for number in range(20)] * 2
    assert pool.asked == 1


async def test_an_issuer_is_read_anew_the_next_time(world: World) -> None:
    issuer_id = world.history.issuer("issuer-0")
    await world.project()
    pool = Counting(world.pool)
    issuers = Issuers(pool)  # type: ignore[arg-type]
    first = await issuers.get(world.log, issuer_id)
    assert await issuers.get(world.log, issuer_id) == first
    assert pool.asked == 2


async def test_an_unknown_issuer_keeps_no_other_from_being_read(world: World) -> None:
    issuer_id = world.history.issuer("issuer-0")
    await world.project()
    issuers = Issuers(world.pool)
    unknown, known = await asyncio.gather(
        issuers.get(world.log, uuid4()), issuers.get(world.log, issuer_id), return_exceptions=True
    )
    assert isinstance(unknown, UnknownIssuer)
    assert known.slug == "issuer-0"


async def test_whoever_asks_hears_that_the_database_is_gone(world: World) -> None:
    issuers = Issuers(Broken())  # type: ignore[arg-type]
    asked = [issuers.get(world.log, uuid4()) for _ in range(3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in answers] == [ConnectionResetError] * 3


async def test_one_that_leaves_takes_nobody_along(world: World) -> None:
    issuer_id = world.history.issuer("issuer-0")
    await world.project()
    issuers = Issuers(world.pool)
    leaving, staying = (asyncio.ensure_future(issuers.get(world.log, issuer_id)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).slug == "issuer-0"
    with pytest.raises(asyncio.CancelledError):
        await leaving
