"""The roles and the database of a registry, made on any PostgreSQL ≥ 15; repeating it changes nothing.

| role | may |
|---|---|
| `registry_owner` | everything in the database, which it owns: for migrations only |
| `registry_writer` | connect, and what the migrations grant it |
| `registry_projector` | connect, create schemas for the projections, and what the migrations grant it |
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from registry.errors import SettingsRefused

OWNER, WRITER, PROJECTOR = ROLES = ("registry_owner", "registry_writer", "registry_projector")
LOCK_KEY = 0x7265_6769_7374_7279  # "registry": two processes may do this at once
CONNECT_TIMEOUT_S = 10
COMMAND_TIMEOUT_S = 60


async def ensure_roles(superuser_dsn: str) -> None:
    """Make the three login roles that are missing, without passwords and without any attribute.

    Raises SettingsRefused when one of them exists as a superuser: nothing would bind it.
    """
    async with _connected(superuser_dsn) as connection:
        await _ensure_roles(connection)


async def ensure_roles_and_database(superuser_dsn: str, name: str) -> None:
    """Make the roles, and the database *name* (UTF8, locale C) owned by `registry_owner`, if they are missing.

    Only the three roles may connect to it, only the projector beside the owner may create schemas,
    and nobody but the owner may create anything in the schema `public`. *superuser_dsn* may also be
    an administrator with CREATEROLE and CREATEDB, as hosted databases have.
    """
    async with _connected(superuser_dsn) as connection:
        await _ensure_roles(connection)
        quoted = quote_name(name)
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(
                f"CREATE DATABASE {quoted} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        await grant_database(connection, name)
        async with _connected(superuser_dsn, database=name) as inside:
            await inside.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


async def grant_database(connection: asyncpg.Connection, name: str) -> None:
    """Set who may do what with the database *name*; such grants are not copied from a template."""
    quoted = quote_name(name)
    await connection.execute(
        f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC;"
        f"GRANT CONNECT ON DATABASE {quoted} TO {WRITER};"
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {quoted} TO {PROJECTOR}"
    )


def quote_name(name: str) -> str:
    """Return *name* as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@asynccontextmanager
async def _connected(dsn: str, *, database: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A connection that alone in its database does what this module does."""
    connection = await asyncpg.connect(
        dsn, database=database, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
    )
    try:
        await connection.execute(f"SELECT pg_advisory_lock({LOCK_KEY})")
        yield connection
    finally:
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _ensure_roles(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = ANY($1)", ROLES)
    found = {row["rolname"]: row["rolsuper"] for row in rows}
    for role in ROLES:
        if found.get(role):
            raise SettingsRefused(f"The role {role} exists and is a superuser: no promise of the log would bind it.")
        if role not in found:
            await connection.execute(f"CREATE ROLE {role} LOGIN")
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await connection.execute(
            f"GRANT {OWNER} TO CURRENT_USER"
        )  # who is no superuser must be a member to give it things
