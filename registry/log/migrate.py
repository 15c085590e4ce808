"""Applies `migrations/` once each, in order, forward only; refuses edited files and schemas from the future."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from registry.errors import MigrationRefused
from registry.log.connection import connect
from registry.log.read import Executor

MIGRATIONS = Path(__file__).parent / "migrations"

_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    name       text        NOT NULL PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_LOCK_KEY = 7_305_813_402_946_017  # any number, the same in every version: one migration at a time per database


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of SQL."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The digest that is recorded when it is applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return the migrations of this version, in order."""
    return [Migration(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("[0-9]*.sql"))]


async def migrate(dsn: str, *, lock_timeout_s: float = 5, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing, as the owner *dsn* names, and return the names applied.

    Raises `MigrationRefused` for an edited file, a gap, or a schema newer than this version.
    """
    conn = await connect(dsn)
    try:
        async with conn.transaction():
            await conn.execute(f"SET LOCAL lock_timeout = '{int(lock_timeout_s * 1000)}ms'")
            await conn.execute("SET LOCAL statement_timeout = 0")
            await conn.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
            await conn.execute(_LEDGER)
            missing = pending(known(folder), await _applied(conn))
            for migration in missing:
                await conn.execute(migration.sql)
                await conn.execute(
                    "INSERT INTO migrations (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256
                )
            await conn.execute("GRANT SELECT ON migrations TO registry_writer, registry_projector")
        return [migration.name for migration in missing]
    except asyncpg.LockNotAvailableError as error:
        raise MigrationRefused(
            f"A table is in use and its lock was not free within {lock_timeout_s:g} s; repeat when it is quieter."
        ) from error
    finally:
        await conn.close()


async def check(conn: Executor, *, allow_newer: bool = False) -> None:
    """Raise `MigrationRefused` unless the database has exactly the schema this version was written for.

    *allow_newer*: for a process that runs already; a migration is safe for yesterday's running code.
    """
    exists = await conn.fetchval("SELECT to_regclass('public.migrations') IS NOT NULL")
    ours, applied = known(), await _applied(conn) if exists else {}
    if allow_newer:
        known_names = {migration.name for migration in ours}
        applied = {name: digest for name, digest in applied.items() if name in known_names}
    missing = pending(ours, applied)
    if missing:
        names = ", ".join(migration.name for migration in missing)
        raise MigrationRefused(f"The database lacks migrations ({names}); run `registry migrate`.")


def pending(ours: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Return the migrations of *ours* that are not yet *applied* (name → digest); raise `MigrationRefused`."""
    by_name = {migration.name: migration for migration in ours}
    for name, digest in applied.items():
        if name not in by_name:
            raise MigrationRefused(f"The database has migration {name}, which this version does not know; upgrade it.")
        if by_name[name].sha256 != digest:
            raise MigrationRefused(f"Migration {name} was edited after it was applied; restore the file.")
    missing = [migration for migration in ours if migration.name not in applied]
    if applied and missing and missing[0].name < max(applied):
        raise MigrationRefused(f"Migration {missing[0].name} comes before one that is applied; give it a later number.")
    return missing


async def _applied(conn: Executor) -> dict[str, str]:
    return {row["name"]: row["sha256"] for row in await conn.fetch("SELECT name, sha256 FROM migrations")}
