"""Registries of millions of credentials, each in a folder of its own: made once, and served as a deployment would be.

A folder holds the embedded PostgreSQL, the master key and `made.json`: how long each step took, and one operator key.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import asyncpg
import orjson
from rich.console import Console

from load_tests.servers import Server, free_port, python, without_bounds
from registry import embedded
from registry.domain.names import LogName
from registry.loading import Plan, load
from registry.log.migrate import migrate
from registry.vault.master import MasterKeys

LOG = LogName("main")
ORIGIN = "http://127.0.0.1:8080"
"""What is signed into the lists; with one log, any Host will do."""
DATABASE = "registry"
BEHIND_S = 3 * 3600
READY_S = 120

_BEHIND = """
SELECT head.position - coalesce(min(done.position), 0)
  FROM log_heads AS head
  LEFT JOIN projections.checkpoints AS done ON done.log_name = head.log_name
 WHERE head.log_name = 'main'
 GROUP BY head.position
"""
_UNPUBLISHED = """
SELECT (SELECT count(*) FROM projections.status_list_members)
     - (SELECT count(*) FROM projections.published_status_lists)
"""
_DUE = """
SELECT count(*) FROM projections.published_status_lists WHERE valid_until < now() + interval '5 hours'
"""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """How an estate came to be; None: that was not done yet."""

    credentials: int
    events: int = 0
    load_s: float | None = None
    project_s: float | None = None
    """Until every projection had reached the log's head."""
    publish_s: float | None = None
    """From then until every list was published."""
    operator_key: str = ""


@dataclass(frozen=True, slots=True)
class Estate:
    """A made registry whose PostgreSQL runs."""

    folder: Path
    plan: Plan
    database: embedded.Embedded
    made: Made

    @property
    def name(self) -> str:
        """Its size, as people say it: `10 M`."""
        return f"{self.plan.credentials / 1_000_000:g} M"

    def dsn(self, role: str) -> str:
        """The DSN of `owner`, `writer`, `projector`, or the superuser."""
        return self.database.dsn(user=role if role == "postgres" else f"registry_{role}", database=DATABASE)

    @property
    def seed(self) -> int:
        """Another one in every run."""
        return time.time_ns()

    async def value(self, query: str) -> int:
        """Return the one number that *query* asks for."""
        conn = await asyncpg.connect(self.dsn("postgres"))
        try:
            return int(await conn.fetchval(query) or 0)
        finally:
            await conn.close()

    def environment(self, **more: str) -> dict[str, str]:
        """The settings of a process of this deployment, quotas so high that one address never uses them up."""
        settings = {
            "HOME": str(self.folder / "home"),
            "ENV": "test",
            "LOGS": f"{LOG}={ORIGIN}",
            "DATABASE_URL": self.dsn("writer"),
            "PROJECTOR_DATABASE_URL": self.dsn("projector"),
            "METRICS_PORT": "0",
            **more,
        }
        return without_bounds(settings)


@asynccontextmanager
async def opened(folder: Path, plan: Plan, say: Say) -> AsyncIterator[Estate]:
    """Run the estate's PostgreSQL, having made what is missing of the estate; a made one is opened as it is."""
    _make(folder)
    async with embedded.running(folder / "home") as server:
        estate = Estate(folder, plan, server, _read(folder, plan))
        if estate.made.load_s is None:
            estate = await _loaded(estate, say)
        if estate.made.publish_s is None:
            estate = await _projected(estate, say)
        if not estate.made.operator_key:
            estate = await _with_operator(estate)
        yield estate


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # PostgreSQL runs under another account when we are root


def _read(folder: Path, plan: Plan) -> Made:
    file = folder / "made.json"
    made = Made(**orjson.loads(file.read_bytes())) if file.exists() else Made(plan.credentials)
    if made.credentials != plan.credentials:
        raise RuntimeError(f"{folder} holds {made.credentials:,} credentials, not {plan.credentials:,}.")
    return made


def _kept(estate: Estate, made: Made) -> Estate:
    file = estate.folder / "made.json"
    file.write_bytes(orjson.dumps(asdict(made), option=orjson.OPT_INDENT_2))
    file.chmod(0o600)
    return replace(estate, made=made)


async def _loaded(estate: Estate, say: Say) -> Estate:
    began, last = time.monotonic(), 0.0

    def told(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            say(f"{estate.name}: {done:,} of {total:,} credentials made, {last - began:.0f} s")

    await embedded.ensure_database(estate.database, DATABASE)
    await migrate(estate.dsn("owner"))
    keys = estate.folder / "home" / "keys" / "master.key"
    master = MasterKeys.from_file(keys) if keys.exists() else MasterKeys.generate_file(keys)
    head = await load(estate.dsn("owner"), LOG, ORIGIN, estate.plan, master, progress=told)
    return _kept(estate, replace(estate.made, events=head.position, load_s=time.monotonic() - began))


async def settled(estate: Estate, say: Say) -> None:
    """Return when all is projected and published, and nothing is soon to be signed again; something must project."""
    await _until(estate, _BEHIND, "events to project", say)
    await _until(estate, _UNPUBLISHED, "lists to publish", say)
    await _until(estate, _DUE, "lists to sign again", say)


async def _projected(estate: Estate, say: Say) -> Estate:
    began = time.monotonic()
    async with projecting(estate):
        await _until(estate, _BEHIND, "events to project", say)
        project_s = time.monotonic() - began
        await settled(estate, say)
    publish_s = time.monotonic() - began - project_s
    await _settle(estate)
    return _kept(estate, replace(estate.made, project_s=project_s, publish_s=publish_s))


async def _settle(estate: Estate) -> None:
    """Leave what autovacuum would do in an hour: statistics, and which pages hold nothing dead."""
    conn = await asyncpg.connect(estate.dsn("postgres"))
    try:
        await conn.execute("VACUUM (ANALYZE)")
        await conn.execute("CHECKPOINT")
    finally:
        await conn.close()


async def _until(estate: Estate, left: str, what: str, say: Say) -> None:
    """Return when the query *left* says that nothing is left."""
    last = time.monotonic()
    async with asyncio.timeout(BEHIND_S):
        while True:
            try:
                number = await estate.value(left)
            except asyncpg.UndefinedTableError:
                number = 1  # the read side is being set up
            if number <= 0:
                return
            if time.monotonic() - last > 10:
                last = time.monotonic()
                say(f"{estate.name}: {number:,} {what}")
            await asyncio.sleep(0.2)


async def _with_operator(estate: Estate) -> Estate:
    told = await _done(estate, "operator-keys", "make", "load test")
    return _kept(estate, replace(estate.made, operator_key=told.split()[-1]))


async def rebuilt_s(estate: Estate) -> float:
    """Fill every projection anew beside the live ones, compare, switch; return how long that took."""
    began = time.monotonic()
    await _done(estate, "rebuild")
    return time.monotonic() - began


async def _done(estate: Estate, *arguments: str) -> str:
    """Return what a command of the registry says; raise `RuntimeError` if it fails."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "registry", *arguments), env=estate.environment(), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await command.communicate()
    if command.returncode:
        raise RuntimeError(f"`registry {' '.join(arguments)}` failed; its own words are above.")
    return told.decode()


@asynccontextmanager
async def projecting(estate: Estate, **more: str) -> AsyncIterator[None]:
    """Run `registry project` beside whatever serves, with *more* settings."""
    environment = estate.environment(**more)
    async with python("-m", "registry", "project", environment=environment) as running:
        await _line(running, "projecting")
        yield


@dataclass(frozen=True, slots=True)
class Serving(Server):
    """`registry serve` of an estate."""

    start_s: float
    """From starting the process until it serves."""


@asynccontextmanager
async def serving(estate: Estate) -> AsyncIterator[Serving]:
    """Run `registry serve`: the door and the write side, nothing that projects."""
    port, began = free_port(), time.monotonic()
    environment = estate.environment(PORT=str(port))
    async with python("-m", "registry", "serve", environment=environment) as running:
        await _line(running, "serving on")
        yield Serving(port, running.pid, time.monotonic() - began)


async def _line(running: asyncio.subprocess.Process, begins: str) -> None:
    """Return when the process says so."""
    assert running.stdout is not None
    async with asyncio.timeout(READY_S):
        while line := await running.stdout.readline():
            if line.decode().startswith(begins):
                return
    raise RuntimeError("A process of the registry did not start; its own words are above.")


def tell(line: str) -> None:
    """Print *line* with the time."""
    Console(width=140).print(f"{time.strftime('%H:%M:%S')} {line}", style="dim", highlight=False)


def has_room(folder: Path, credentials: int) -> bool:
    """Whether the disk of *folder* has room for an estate, at 4 kB a credential while its keys are made."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize > credentials * 4_000
