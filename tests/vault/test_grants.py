"""What each database role may do with the vault's tables."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from registry.domain.names import LogName
from registry.vault.keys import Vault
from registry.vault.queries import Kind

TABLES = ["signing_keys", "permutation_keys", "peppers", "api_keys"]


@pytest.fixture
async def publisher(database: Any) -> Any:
    conn = await asyncpg.connect(database.projector)
    yield conn
    await conn.close()


@pytest.mark.parametrize("table", TABLES)
async def test_the_writer_never_deletes(pool: Any, table: str) -> None:
    for statement in (f"DELETE FROM vault.{table}", f"TRUNCATE vault.{table}", f"DROP TABLE vault.{table}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


@pytest.mark.parametrize("table", TABLES[1:])
async def test_the_projector_reads_neither_permutation_keys_nor_api_keys(publisher: Any, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await publisher.fetch(f"SELECT log_name FROM vault.{table}")


@pytest.mark.parametrize("table", TABLES)
async def test_the_projector_writes_nothing(publisher: Any, table: str) -> None:
    for statement in (f"UPDATE vault.{table} SET log_name = 'x'", f"DELETE FROM vault.{table}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await publisher.execute(statement)


async def test_the_projector_signs(vault: Vault, publisher: Any, master: Any, clock: Any, log: LogName) -> None:
    key = await vault.create_signing_key(log, uuid4())
    theirs = Vault(publisher, master, clock)
    await theirs.check((Kind.SIGNING,))
    message = b"a list"
    assert (await vault.signer(log, key.id)).sign(message) == (await theirs.signer(log, key.id)).sign(message)


async def test_every_key_begins_with_the_log_and_nothing_fires_or_counts(root: Any) -> None:
    """Citus can distribute the tables unchanged only then."""
    firsts = await root.fetch(
        "SELECT attribute.attname FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indrelid "
        "JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum = index.indkey[0] "
        "WHERE class.relnamespace = 'vault'::regnamespace AND index.indisunique"
    )
    assert [row["attname"] for row in firsts] == ["log_name"] * 5
    others = await root.fetchval(
        "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'vault'::regnamespace AND relkind = 'S')"
        " + (SELECT count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        "     WHERE relnamespace = 'vault'::regnamespace)"
    )
    assert others == 0
