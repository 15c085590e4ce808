from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import FakeClock
from tests.projections.status_lists_world import World, open_world
from tests.servers import TestDatabase


@pytest.fixture
async def world(database: TestDatabase, clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    """A log and its lists; what was published is compared with a replay in the end."""
    async with open_world(database, clock, tmp_path / "published") as world:
        yield world
        await world.oracle()
