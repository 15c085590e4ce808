"""Published lists in an S3 double that speaks HTTP: headers, conditional writes, and a store that is away."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from projections.status_lists.files.object_store import Objects, open_store
from projections.status_lists.files.publish import FilePublisher
from projections.status_lists.files.target import TargetFailed
from tests.clock import FakeClock
from tests.projections.status_lists_world import World, open_world
from tests.projections.test_files import assert_stored_as_published, begun, revoke, settle
from tests.servers import TestDatabase
from tests.service import free_port

pytestmark = pytest.mark.slow

START_S = 30


def moto() -> str:
    """The program; it drags in too much to be a dependency of the tests, so it lives in an environment of its own."""
    found = shutil.which(os.environ.get("REGISTRY_TEST_MOTO", "moto_server"))
    if found is None:
        if os.environ.get("REGISTRY_REQUIRE_S3") == "1":
            pytest.fail("moto_server is not here, and REGISTRY_REQUIRE_S3=1 demands it")
        pytest.skip("moto_server is not here; REGISTRY_TEST_MOTO names it")
    return found


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """An S3 double with a bucket `lists`, named by the environment as AWS's own tools have it named."""
    endpoint = f"http://127.0.0.1:{(port := free_port())}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([moto(), "-H", "127.0.0.1", "-p", str(port)], **quiet)
    named = {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": "us-east-1", "ENDPOINT_URL": endpoint}
    for name, value in {**named, "ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    deadline = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(f"{endpoint}/lists", method="PUT"))
            break
        except OSError:
            assert time.monotonic() < deadline, "moto did not start"
            time.sleep(0.1)
    yield process
    process.kill()
    process.wait(10)


@pytest.fixture
async def world(database: TestDatabase, clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, clock, tmp_path / "heads") as opened:
        yield opened


def publisher_to(world: World, url: str = "s3://lists/some/where") -> tuple[Objects, FilePublisher]:
    target = Objects(open_store(url), url)
    return target, FilePublisher(world.pool, target, clock=world.clock)


@pytest.mark.usefixtures("s3")
async def test_objects_follow_publications_with_their_headers(world: World):
    await begun(world)
    target, publisher = publisher_to(world)
    await settle(publisher)
    await assert_stored_as_published(world, target)
    await revoke(world, 1)
    await settle(publisher)
    await assert_stored_as_published(world, target)
    _, again = publisher_to(world)
    await settle(again)
    assert again.progress.written == 0


@pytest.mark.usefixtures("s3")
async def test_two_processes_never_leave_the_past_there(world: World):
    await begun(world)
    target, one = publisher_to(world)
    _, other = publisher_to(world)
    for number in range(3):
        await asyncio.gather(settle(one), settle(other))
        await assert_stored_as_published(world, target)
        await revoke(world, number)
    await asyncio.gather(settle(one), settle(other))
    await assert_stored_as_published(world, target)


async def test_a_store_that_is_away_is_told_by_a_sentence(world: World, s3: subprocess.Popen[bytes]):
    await begun(world)
    _, publisher = publisher_to(world)
    await settle(publisher)
    await revoke(world, 2)
    s3.kill()
    s3.wait(10)
    with pytest.raises(TargetFailed) as told:
        await settle(publisher)
    assert "\n" not in str(told.value)
    assert publisher.progress.pending


@pytest.mark.usefixtures("s3")
async def test_a_bucket_that_is_not_there_is_told_by_a_sentence(world: World):
    await begun(world)
    _, publisher = publisher_to(world, "s3://no-such-bucket/where")
    with pytest.raises(TargetFailed, match=r"no-such-bucket|NoSuchBucket"):
        await settle(publisher)
