"""A vault over a real PostgreSQL, and two master keys."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from registry.domain.names import LogName
from registry.vault.api_keys import ApiKeys
from registry.vault.keys import Vault
from registry.vault.master import MasterKeys
from tests.clock import FakeClock

LINE_A = "a:" + base64.b64encode(bytes(range(32))).decode()
LINE_B = "b:" + base64.b64encode(bytes(range(32, 64))).decode()


@pytest.fixture
def log() -> LogName:
    return LogName("main")


@pytest.fixture
def master() -> MasterKeys:
    return MasterKeys.from_text(LINE_A)


@pytest.fixture
def rotated() -> MasterKeys:
    """The key b is current, a still opens what it wrapped."""
    return MasterKeys.from_text(f"{LINE_B}\n{LINE_A}\n")


@pytest.fixture
def rotated_back() -> MasterKeys:
    """The key a is current again, b still opens."""
    return MasterKeys.from_text(f"{LINE_A}\n{LINE_B}\n")


@pytest.fixture
def only_b() -> MasterKeys:
    return MasterKeys.from_text(LINE_B)


@pytest.fixture
async def pool(database: Any) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with asyncpg.create_pool(database.writer, min_size=1, max_size=8) as pool:
        yield pool


@pytest.fixture
async def root(database: Any) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Somebody who may change every row, as an attacker with the database would."""
    conn = await asyncpg.connect(database.superuser)
    yield conn
    await conn.close()


@pytest.fixture
def vault(pool: asyncpg.Pool[asyncpg.Record], master: MasterKeys, clock: FakeClock) -> Vault:
    return Vault(pool, master, clock)


@pytest.fixture
def api_keys(pool: asyncpg.Pool[asyncpg.Record], vault: Vault, clock: FakeClock) -> ApiKeys:
    return ApiKeys(pool, vault, clock, env="dev")
