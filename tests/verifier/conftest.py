"""A fetcher that takes a few hosts on loopback for the internet."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from registry.verifier.fetcher import Fetcher, FetchLimits
from tests.clock import FakeClock
from tests.verifier.elsewhere import Elsewhere, elsewhere


@pytest.fixture
async def world() -> AsyncIterator[Elsewhere]:
    """The rest of the world."""
    async with elsewhere() as one:
        yield one


@pytest.fixture
async def fetcher(world: Elsewhere, clock: FakeClock) -> AsyncIterator[Fetcher]:
    """A fetcher in that world, less patient than the real one."""
    one = Fetcher(clock, trust=world.trust, limits=FetchLimits(time_s=0.3))
    await one.start()
    yield one
    await one.close()
