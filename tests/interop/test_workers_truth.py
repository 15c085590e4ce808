"""The same crowd at several workers of one service, of which one after the other is killed, the writer too."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.interop.client import eventually
from tests.interop.processes import Program, deployed
from tests.interop.test_parallel_truth import CLIENTS, REQUEST_S, Crowd, everything_acknowledged_holds, while_killing
from tests.servers import TestDatabase

pytestmark = pytest.mark.slow


@dataclass
class Part:
    """One process of several; who looks after them starts it again."""

    door: Program
    name: str
    killed: int = 0

    def process(self) -> psutil.Process | None:
        """Return it, if it runs."""
        assert self.door.process is not None
        for one in psutil.Process(self.door.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # it ended meanwhile
                line = one.cmdline()
                if "worker" in line and line[line.index("worker") + 1] == self.name and one.pid != self.killed:
                    return one
        return None

    async def kill(self) -> None:
        """End it with SIGKILL."""
        found = self.process()
        assert found is not None, self.door.told()
        self.killed = found.pid
        found.kill()

    async def start(self) -> None:
        """Return when it was started again."""
        async with asyncio.timeout(REQUEST_S):
            while self.process() is None:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)


@pytest.fixture
async def crowd(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Crowd]:
    """Clients of one service with three workers, and a projector."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_S)
    async with deployed(database, tmp_path, doors=1, serve=("serve", "--workers", "3")) as deployment:
        [door] = deployment.doors
        assert await eventually(door.told, lambda told: "metrics on" in told), "all parts are up"
        connector = aiohttp.TCPConnector(limit=2 * CLIENTS)
        async with aiohttp.ClientSession(headers=deployment.host, timeout=timeout, connector=connector) as session:
            crowd = Crowd(deployment, session)
            await crowd.make_issuers()
            yield crowd


async def reading(crowd: Crowd, seen: Counter[int | str]) -> None:
    """Read one list on and on, each time over a connection of its own."""
    await crowd.milestones[1].wait()
    url, _ = crowd.truth.entries("revocation", crowd.truth.allocated)[0]
    async with aiohttp.ClientSession(headers={**crowd.deployment.host, "Connection": "close"}) as session:
        while True:
            try:
                async with session.get(url) as response:
                    await response.read()
                    seen[response.status] += 1
            except aiohttp.ClientError as error:
                seen[type(error).__name__] += 1
            await asyncio.sleep(0.01)


async def test_what_is_acknowledged_holds_while_workers_and_the_writer_are_killed(crowd: Crowd) -> None:
    [door] = crowd.deployment.doors
    writer = Part(door, "writer")
    seen: Counter[int | str] = Counter()
    readers = asyncio.ensure_future(reading(crowd, seen))
    await while_killing(crowd, Part(door, "0"), writer, Part(door, "2"), writer)
    readers.cancel()
    assert crowd.truth.answers[503] or crowd.truth.answers.total() > CLIENTS, "nobody noticed"
    assert {key for key in seen if isinstance(key, int)} == {200}, seen
    assert seen[200] > 10 * (seen.total() - seen[200]), seen
    await everything_acknowledged_holds(crowd)
    told = door.told()  # who is killed while it starts is told of in other words
    assert told.count("is started again") + told.count("is tried again in") == 4, told
