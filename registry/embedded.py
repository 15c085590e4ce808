"""Runs a PostgreSQL from a bin directory as our child: the default database, and the tests'.

One process owns the server: it holds the home's lock, started the server, restarts it when it dies
and stops it when it leaves. Every other process attaches; when the owner is gone, one of them gets
the lock and becomes the owner. When the owner is killed the server stops by itself (Linux), and
whoever comes next waits for that. Nobody ever sends SIGKILL.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from registry.embedded_binaries import find_bindir
from registry.embedded_cluster import PORT, SUPERUSER, Cluster, Lock, open_cluster
from registry.embedded_roles import ensure_roles, ensure_roles_and_database
from registry.errors import EmbeddedFailed

__all__ = ["Embedded", "ensure_database", "ensure_roles_and_database", "find_bindir", "running"]

log = logging.getLogger(__name__)

POLL_S = 0.02
WATCH_S = 0.1
FOREIGN_START_S = 120  # how long another process's server may take to get ready, or an orphan to stop
STOP_S = 60
RESTART_PAUSES_S = (0.1, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30)
STILL_IN_USE = ("pre-existing shared memory block", "lock file")  # a killed server's last backends are leaving


@dataclass(frozen=True, slots=True)
class Embedded:
    """A server that takes connections; `owns` tells whether this process started it (it may take over later)."""

    socket_dir: Path
    port: int
    owns: bool

    def dsn(self, *, user: str, database: str) -> str:
        """Return the DSN of *user* in *database*, for asyncpg and libpq."""
        host = quote(str(self.socket_dir), safe="/")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={host}&port={self.port}"


@asynccontextmanager
async def running(
    home: Path, *, bindir: Path | None = None, on_failure: Callable[[EmbeddedFailed], None] | None = None
) -> AsyncIterator[Embedded]:
    """Run the server under *home*, or attach to the one that runs; it has the registry's roles when this yields.

    Enter it in the thread whose end shall end the server: the main one. When the server dies later
    and ten restarts within about a minute fail, *on_failure* is called once and the watch ends.
    Raises EmbeddedFailed with a sentence for a person.
    """
    with _refused_by_the_disk(home):
        cluster, lock = await asyncio.to_thread(open_cluster, home, bindir)
    supervisor = Supervisor(cluster, lock)
    try:
        await supervisor.enter()
        embedded = Embedded(supervisor.socket_dir, PORT, supervisor.owns)
        watching = asyncio.create_task(supervisor.watch(on_failure), name="embedded PostgreSQL")
        try:
            await _ensure_roles(embedded)
            yield embedded
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    finally:
        await supervisor.leave()


async def ensure_database(embedded: Embedded, name: str) -> None:
    """Make the database *name*, owned by `registry_owner`, if it is missing."""
    await ensure_roles_and_database(embedded.dsn(user=SUPERUSER, database="postgres"), name)


async def _ensure_roles(embedded: Embedded) -> None:
    """Make the roles, trying again while the server we attached to changes its owner."""
    for pause in RESTART_PAUSES_S:
        try:
            return await ensure_roles(embedded.dsn(user=SUPERUSER, database="postgres"))
        except (OSError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError, asyncpg.PostgresConnectionError):
            await asyncio.sleep(pause)
    raise EmbeddedFailed("The embedded PostgreSQL runs but takes no connections.")


class Supervisor:
    """One process's part in keeping the server of a cluster up."""

    def __init__(self, cluster: Cluster, lock: Lock) -> None:
        self.owns = False
        self.socket_dir = cluster.socket_dir
        self._cluster = cluster
        self._lock = lock
        self._child: subprocess.Popen[bytes] | None = None

    async def enter(self) -> None:
        """Become the owner of a ready server, or find one that another process owns."""
        for _ in _until(FOREIGN_START_S):
            if self._lock.acquire():
                self.owns = True
                return await self._start()
            if (found := self._cluster.live()) and found.is_ready:
                self.socket_dir = found.socket_dir
                return None
            await asyncio.sleep(POLL_S)
        raise EmbeddedFailed(
            f"Somebody else owns {self._cluster.home}, but its PostgreSQL does not get ready (see {self._cluster.log})."
        )

    async def watch(self, on_failure: Callable[[EmbeddedFailed], None] | None) -> None:
        """Restart our server when it dies; take over another's when its owner is gone."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self.owns and self._child is not None and self._child.poll() is None:
                continue
            if not self.owns and not self._lock.acquire():
                continue
            log.warning("embedded PostgreSQL lost", extra={"owned": self.owns})
            self.owns = True
            try:
                await self._restart()
            except EmbeddedFailed as failure:
                log.critical("embedded PostgreSQL given up", extra={"reason": failure.detail})
                if on_failure is not None:
                    on_failure(failure)
                return

    async def leave(self) -> None:
        """Stop the server if it is ours, and wait until it has stopped; then let go of the lock."""
        try:
            if self._child is not None and self._child.poll() is None:
                self._child.send_signal(signal.SIGINT)
                await _ended(self._child, STOP_S)
            if self._child is not None:
                self._cluster.clear_socket_dir()
        finally:
            self._lock.release()

    async def _restart(self) -> None:
        """Start the server again; the last failure is raised when pausing longer and longer did not help."""
        for pause in RESTART_PAUSES_S:
            try:
                return await self._start()
            except EmbeddedFailed as failure:
                log.warning("embedded PostgreSQL does not start yet", extra={"reason": failure.detail})
                await asyncio.sleep(pause)
        return await self._start()

    async def _start(self) -> None:
        """Start the server on a cluster that nobody else uses, making the cluster if there is none."""
        await self._orphan_stopped()
        with _refused_by_the_disk(self._cluster.home):
            self._cluster = await asyncio.to_thread(self._cluster.prepare)
            self.socket_dir = self._cluster.socket_dir
            if not self._cluster.data.exists():
                await self._initialise()
            for pause in RESTART_PAUSES_S:
                if await self._launch():
                    return
                await asyncio.sleep(pause)
        raise EmbeddedFailed(f"PostgreSQL did not start: {self._cluster.last_words()} (see {self._cluster.log}).")

    async def _orphan_stopped(self) -> None:
        """Wait for a server whose owner is gone to stop, which it may not have been told yet."""
        self._cluster.interrupt()
        for _ in _until(FOREIGN_START_S):
            if self._cluster.live() is None:
                return
            await asyncio.sleep(POLL_S)
        raise EmbeddedFailed(f"A PostgreSQL left behind on {self._cluster.data} does not stop.")

    async def _initialise(self) -> None:
        """Make the cluster; it appears whole or not at all."""
        initdb = self._child = self._cluster.spawn_initdb(self._lock.fd)
        try:
            status = await _ended(initdb, FOREIGN_START_S)
        finally:
            if initdb.poll() is None:
                initdb.terminate()  # it is deaf to SIGINT while it waits for a child of its own
        if status != 0:
            raise EmbeddedFailed(f"initdb failed: {self._cluster.last_words()} (see {self._cluster.log}).")
        await asyncio.to_thread(self._cluster.adopt_half_made)

    async def _launch(self) -> bool:
        """Start the server once and wait while it gets ready, however long it recovers; False to try again."""
        self._child = self._cluster.spawn_server()
        while self._child.poll() is None:
            if (found := self._cluster.live()) and found.pid == self._child.pid and found.is_ready:
                return True
            await asyncio.sleep(POLL_S)
        reason = self._cluster.last_words()
        if any(words in reason for words in STILL_IN_USE):
            return False
        raise EmbeddedFailed(f"PostgreSQL did not start: {reason} (see {self._cluster.log}).")


async def _ended(child: subprocess.Popen[bytes], limit_s: float) -> int | None:
    """Wait for *child*; return its exit status, None if it still runs after *limit_s* seconds."""
    for _ in _until(limit_s):
        if (status := child.poll()) is not None:
            return status
        await asyncio.sleep(POLL_S)
    return None


def _until(limit_s: float) -> Iterator[None]:
    """Yield until *limit_s* seconds have passed, at least once."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    yield
    while loop.time() < deadline:
        yield


@contextmanager
def _refused_by_the_disk(home: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence."""
    try:
        yield
    except OSError as refusal:
        where = refusal.filename or home
        raise EmbeddedFailed(
            f"PostgreSQL cannot be kept under {home} ({where}: {refusal.strerror}): choose another REGISTRY_HOME."
        ) from refusal
