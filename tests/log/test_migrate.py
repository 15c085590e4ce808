from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from registry.errors import MigrationRefused
from registry.log.connection import connect
from registry.log.migrate import MIGRATIONS, Migration, check, known, migrate, pending
from tests.log.writing import sequencing

FIRST, SECOND, THIRD = (Migration(f"000{n}_x", f"SELECT {n}") for n in (1, 2, 3))


def applied(*migrations: Migration) -> dict[str, str]:
    return {migration.name: migration.sha256 for migration in migrations}


def test_what_is_missing_is_applied_in_order():
    assert pending([FIRST, SECOND, THIRD], {}) == [FIRST, SECOND, THIRD]
    assert pending([FIRST, SECOND, THIRD], applied(FIRST)) == [SECOND, THIRD]
    assert pending([FIRST], applied(FIRST)) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        ([FIRST], applied(Migration("0001_x", "SELECT 0")), "edited"),
        ([FIRST], applied(FIRST, SECOND), "upgrade"),
        ([FIRST, SECOND, THIRD], applied(FIRST, THIRD), "later number"),
    ],
)
def test_a_history_that_is_not_ours_is_refused(ours, theirs, sentence):
    with pytest.raises(MigrationRefused, match=sentence):
        pending(ours, theirs)


async def test_migrating_twice_applies_once(empty_database):
    names = [migration.name for migration in known()]
    assert await migrate(empty_database.owner) == names
    assert await migrate(empty_database.owner) == []


async def test_two_processes_that_migrate_at_once_apply_once(empty_database):
    both = await asyncio.gather(migrate(empty_database.owner), migrate(empty_database.owner))
    assert sorted(both, key=len) == [[], [migration.name for migration in known()]]


def _copy(folder: Path) -> None:
    for path in MIGRATIONS.glob("*.sql"):
        (folder / path.name).write_bytes(path.read_bytes())


async def test_an_edited_file_is_refused_and_nothing_is_changed(database, tmp_path):
    _copy(tmp_path)
    with (tmp_path / "0001_log.sql").open("a") as file:
        file.write("-- one more line\n")
    (tmp_path / "9999_next.sql").write_text("CREATE TABLE next ();")
    with pytest.raises(MigrationRefused, match="edited"):
        await migrate(database.owner, folder=tmp_path)
    assert not await _exists(database.owner, "next")


async def test_a_failed_migration_leaves_nothing_behind(database, tmp_path):
    _copy(tmp_path)
    (tmp_path / "9998_good.sql").write_text("CREATE TABLE good ();")
    (tmp_path / "9999_bad.sql").write_text("CREATE TABLE bad (); SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database.owner, folder=tmp_path)
    assert not await _exists(database.owner, "good")


async def test_a_newer_schema_is_refused_by_migrating_and_by_serving(database):
    conn = await connect(database.owner)
    await conn.execute("INSERT INTO migrations (name, sha256) VALUES ('9999_next', 'x')")
    with pytest.raises(MigrationRefused, match="upgrade"):
        await migrate(database.owner)
    with pytest.raises(MigrationRefused, match="upgrade"):
        await check(conn)
    await conn.close()


async def test_serving_needs_every_migration(empty_database, database):
    for dsn, is_refused in ((empty_database.owner, True), (database.owner, False)):
        conn = await connect(dsn)
        if is_refused:
            with pytest.raises(MigrationRefused, match="registry migrate"):
                await check(conn)
        else:
            await check(conn)
        await conn.close()


async def test_a_table_in_use_is_not_waited_for_without_end(database, tmp_path):
    _copy(tmp_path)
    (tmp_path / "9999_next.sql").write_text("ALTER TABLE events ADD COLUMN more text;")
    reader = await connect(database.superuser)
    await reader.execute("BEGIN; LOCK TABLE events IN ACCESS SHARE MODE")
    with pytest.raises(MigrationRefused, match="quieter"):
        await migrate(database.owner, lock_timeout_s=0.1, folder=tmp_path)
    await reader.execute("COMMIT")
    await reader.close()
    assert await migrate(database.owner, folder=tmp_path) == ["9999_next"]


FORBIDDEN = [
    ("writer", "UPDATE events SET type = type"),
    ("writer", "DELETE FROM events"),
    ("writer", "TRUNCATE events"),
    ("writer", "UPDATE status_list_allocations SET index = 0"),
    ("writer", "DELETE FROM status_list_allocations"),
    ("writer", "UPDATE idempotency_keys SET answer = ''"),
    ("writer", "DELETE FROM idempotency_keys"),
    ("writer", "INSERT INTO log_heads SELECT 'other', 0, sha256(''), now()"),
    ("writer", "DELETE FROM log_heads"),
    ("writer", "UPDATE migrations SET sha256 = ''"),
    ("writer", "DROP TABLE events"),
    ("writer", "CREATE TABLE public.mine ()"),
    ("projector", "INSERT INTO events SELECT * FROM events"),
    ("projector", "UPDATE events SET type = type"),
    ("projector", "DELETE FROM events"),
    ("projector", "UPDATE log_heads SET position = 0"),
    ("projector", "SELECT answer FROM idempotency_keys"),
    ("projector", "CREATE TABLE public.mine ()"),
]


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
async def test_no_role_at_run_time_can_change_what_was_recorded(opened, role, statement):
    conn = await connect(getattr(opened, role))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute(statement)
    await conn.close()


async def test_each_role_can_do_its_work(opened):
    async with sequencing(opened.writer) as one:
        await one.issuer()
    conn = await connect(opened.projector)
    assert await conn.fetchval("SELECT count(*) FROM events") > 1
    assert await conn.fetchval("SELECT position FROM log_heads") > 1
    await conn.close()


async def _exists(dsn: str, table: str) -> bool:
    conn = await connect(dsn)
    exists: bool = await conn.fetchval("SELECT to_regclass($1) IS NOT NULL", table)
    await conn.close()
    return exists
