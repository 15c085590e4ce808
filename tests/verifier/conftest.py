"""A fetcher that takes a few hosts on loopback for the internet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from registry.verifier.fetcher import Fetcher, FetchLimits
from tests.clock import FakeClock
from tests.conftest import replace_session
from tests.servers import fresh_database
from tests.service import running_service, service_in_a_thread, service_settings
from tests.verifier.elsewhere import Elsewhere, elsewhere


@pytest.fixture
async def world() -> AsyncIterator[Elsewhere]:
    """The rest of the world."""
    async with elsewhere() as one:
        yield one


@pytest.fixture
async def fetcher(world: Elsewhere, clock: FakeClock) -> AsyncIterator[Fetcher]:
    """A fetcher in that world, more patient than the real one: the machine may be busy."""
    async with _fetching(world, clock, time_s=60) as one:
        yield one


@pytest.fixture
async def impatient(world: Elsewhere, clock: FakeClock) -> AsyncIterator[Fetcher]:
    """A fetcher in that world for what only its patience ends."""
    async with _fetching(world, clock, time_s=0.3) as one:
        yield one


@asynccontextmanager
async def _fetching(world: Elsewhere, clock: FakeClock, time_s: float) -> AsyncIterator[Fetcher]:
    one = Fetcher(clock, trust=world.trust, limits=FetchLimits(time_s=time_s))
    await one.start()
    yield one
    await one.close()


WORLD = Elsewhere()
"""What `attacked` takes for the internet; it lives in a thread of its own, so the world is found at import."""


@pytest.fixture(scope="session")
def _attacked(postgres: Any, _migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    @asynccontextmanager
    async def opening() -> AsyncIterator[Any]:
        generous = {"verify_quota_per_s": 1e6, "verify_burst": 10**6, "fetch_timeout_s": 2}
        settings = service_settings(tmp_path_factory.mktemp("attacked"), **generous)
        async with (
            fresh_database(postgres, _migrated_template) as fresh,
            running_service(fresh, settings, trust=WORLD.trust) as service,
        ):
            await ready(service)
            yield service

    with service_in_a_thread(opening()) as service:
        yield service


@pytest.fixture
async def attacked(_attacked: Any) -> AsyncIterator[Any]:
    """A whole service whose internet is `WORLD`, which answers while a test runs; its quotas hold nobody up."""
    WORLD.answers.clear()
    WORLD.asked.clear()
    async with elsewhere(WORLD), aiohttp.ClientSession() as session:
        yield replace_session(_attacked, session)


async def ready(service: Any) -> None:
    """Return when the read side is built."""
    for _ in range(1_200):
        async with service.session.get(f"{service.url}/readyz") as response:
            if response.status == 200:
                return
        await asyncio.sleep(0.05)
    pytest.fail("the service did not become ready")
