"""The roles and databases that `ensure_roles_and_database` makes, on the run's PostgreSQL."""

from __future__ import annotations

from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from registry.embedded import Embedded, ensure_roles_and_database
from registry.embedded_roles import OWNER, PROJECTOR, ROLES, WRITER, quote_name
from tests.servers import TestDatabase


@asynccontextmanager
async def connected(dsn: str):
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_every_role_logs_in_and_none_has_an_attribute(postgres: Embedded, empty_database: TestDatabase):
    for dsn in (empty_database.owner, empty_database.writer, empty_database.projector):
        async with connected(dsn) as connection:
            assert await connection.fetchrow(
                "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
                " FROM pg_roles WHERE rolname = current_user"
            ) == (False, False, False, False, False)


async def test_only_the_owner_creates_tables_in_public(empty_database: TestDatabase):
    async with connected(empty_database.owner) as owner:
        await owner.execute("CREATE TABLE public.mine (id int)")
    for dsn in (empty_database.writer, empty_database.projector):
        async with connected(dsn) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("CREATE TABLE public.yours (id int)")


async def test_the_projector_owns_schemas_and_the_writer_cannot_make_one(empty_database: TestDatabase):
    async with connected(empty_database.projector) as projector:
        await projector.execute("CREATE SCHEMA projections; CREATE TABLE projections.rows (id int)")
    async with connected(empty_database.writer) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await writer.execute("CREATE SCHEMA mine")


async def test_a_database_is_utf8_in_locale_c_and_closed_to_strangers(postgres: Embedded):
    name = f'odd "name" {uuid4().hex}'
    superuser = postgres.dsn(user="postgres", database="postgres")
    await ensure_roles_and_database(superuser, name)
    await ensure_roles_and_database(superuser, name)
    async with connected(superuser) as administrator:
        assert await administrator.fetchrow(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba),"
            " has_database_privilege('public', datname, 'CONNECT') FROM pg_database WHERE datname = $1",
            name,
        ) == ("UTF8", "C", "C", OWNER, False)
        await administrator.execute(f"DROP DATABASE {quote_name(name)}")


async def test_an_administrator_without_superuser_can_set_up_a_database(postgres: Embedded):
    """As on hosted databases: CREATEROLE and CREATEDB, no more."""
    administrator, name = f"admin_{uuid4().hex}", f"hosted_{uuid4().hex}"
    async with connected(postgres.dsn(user="postgres", database="postgres")) as superuser:
        await superuser.execute(f"CREATE ROLE {administrator} LOGIN CREATEROLE CREATEDB")
        await superuser.execute(f"GRANT {', '.join(ROLES)} TO {administrator} WITH ADMIN OPTION")
        await ensure_roles_and_database(postgres.dsn(user=administrator, database="postgres"), name)
        for role in (WRITER, PROJECTOR):
            assert await superuser.fetchval("SELECT has_database_privilege($1, $2, 'CONNECT')", role, name)
        await superuser.execute(f"DROP DATABASE {name}")
        await superuser.execute(f"DROP OWNED BY {administrator}")
        await superuser.execute(f"DROP ROLE {administrator}")
