"""The one PostgreSQL of a test run, shared by its workers, and a database per test."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch
from uuid import uuid4

import asyncpg

from registry.embedded import Embedded, ensure_database, running
from registry.embedded_cluster import SERVER_SETTINGS
from registry.embedded_roles import OWNER, PROJECTOR, WRITER, grant_database

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]
RUN_DIRECTORY = "REGISTRY_TEST_RUN_DIRECTORY"  # made by the first process of a run, inherited by its xdist workers
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 << 30
"""Where the files of a run lie if there is room: there nobody waits for a disk, though PostgreSQL syncs as ever."""
FOR_MANY = {"max_connections": "300", "max_wal_size": "256MB"}
"""Every worker has several services, each with its pools."""


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A database of one test: its name, and a DSN per role."""

    __test__: ClassVar[bool] = False  # not for pytest to collect

    name: str
    owner: str
    writer: str
    projector: str
    superuser: str


def make_run_directory() -> Path:
    """Make a folder for all files of this test run that the database's account can pass through too."""
    has_room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    made = Path(tempfile.mkdtemp(prefix="registry-", dir=MEMORY if has_room else None))
    made.chmod(0o711)
    os.environ[RUN_DIRECTORY] = os.environ["TMPDIR"] = tempfile.tempdir = str(made)
    return made


@contextmanager
def locked(name: str, how: int) -> Iterator[int]:
    """Hold the lock *name* of this run."""
    lock = os.open(Path(os.environ[RUN_DIRECTORY]) / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, how)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def shared_server(bindir: Path | None) -> Iterator[tuple[Embedded, Run[Any]]]:
    """Start or attach to the run's server; whoever started it stops it after all others have left."""
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # of its own: the tests' loops come and go
    with runner, locked("users.lock", fcntl.LOCK_SH) as users:
        server = running(Path(os.environ[RUN_DIRECTORY]) / "home", bindir=bindir)
        with patch.dict(SERVER_SETTINGS, FOR_MANY):
            embedded = runner.run(server.__aenter__())
        try:
            yield embedded, runner.run
        finally:
            if embedded.owns:
                fcntl.flock(users, fcntl.LOCK_EX)
            runner.run(server.__aexit__(None, None, None))


async def make_template(embedded: Embedded, name: str, migrate: Callable[[str], Coroutine[Any, Any, object]]) -> None:
    """Make the database *name* with all migrations applied, once per run."""
    with locked(f"{name}.lock", fcntl.LOCK_EX) as lock:
        if os.fstat(lock).st_size:
            return
        await ensure_database(embedded, name)
        await migrate(embedded.dsn(user=OWNER, database=name))
        os.write(lock, b"made")


@asynccontextmanager
async def fresh_database(embedded: Embedded, template: str) -> AsyncIterator[TestDatabase]:
    """A copy of *template*, dropped afterwards whoever is still connected."""
    name = f"test_{uuid4().hex}"
    administrator = await asyncpg.connect(embedded.dsn(user="postgres", database="postgres"))
    try:
        await administrator.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
        await grant_database(administrator, name)
        users = {"owner": OWNER, "writer": WRITER, "projector": PROJECTOR, "superuser": "postgres"}
        yield TestDatabase(name, **{role: embedded.dsn(user=user, database=name) for role, user in users.items()})
    finally:
        if administrator.is_closed():  # the test stopped the server, or the backend
            administrator = await asyncpg.connect(embedded.dsn(user="postgres", database="postgres"))
        await administrator.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await administrator.close()
