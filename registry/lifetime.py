"""What a process holds as long as it lives: connections, sockets, tasks. All of it is closed in the reverse order."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from aiohttp import web

from registry.errors import RegistryError, SettingsRefused, Unfit
from registry.http.metrics import Metrics
from registry.log.connection import Pool, Timeouts, connect, pool, reason
from registry.settings import Settings
from registry.upkeep import PASSING, SETTLE_S

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Databases:
    """The DSNs of one database, by role and by what lies in between."""

    writer: str
    reader: str
    direct: str
    projector: str

    @classmethod
    def of(cls, settings: Settings) -> Databases:
        """Return the DSNs in *settings*; raise `SettingsRefused` when there are none."""
        given = settings.database_url or settings.projector_database_url
        if given is None:
            raise SettingsRefused(
                "REGISTRY_DATABASE_URL is not set. Name the database, or use `registry dev` for an embedded one."
            )
        writer = given.get_secret_value()
        other = (settings.read_database_url, settings.direct_database_url, settings.projector_database_url)
        reader, direct, projector = (one.get_secret_value() if one else writer for one in other)
        return cls(writer, reader, direct, projector)


class Lifetime:
    """Opens what must be closed again, and ends with the first background task that ends; `stack` closes the rest."""

    def __init__(self, settings: Settings, databases: Databases, metrics: Metrics) -> None:
        self.stack = AsyncExitStack()
        self._settings = settings
        self._databases = databases
        self._metrics = metrics
        self._timeouts = Timeouts(
            settings.connect_timeout_s,
            settings.command_timeout_s,
            settings.statement_timeout_s,
            settings.lock_timeout_s,
        )
        self._failed: asyncio.Future[None] | None = None

    def begin(self) -> None:
        """Begin, on the running loop."""
        self._failed = asyncio.get_running_loop().create_future()

    async def failed(self) -> None:
        """Return never; raise `RegistryError` when the process cannot go on."""
        assert self._failed is not None, "the process runs"
        await asyncio.shield(self._failed)

    def fail(self, error: RegistryError) -> None:
        """Let `failed` raise *error*, unless something failed before."""
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)
            self._failed.exception()  # looked at: a process that leaves for another reason need not hear of it

    def background(self, work: Awaitable[None], name: str) -> None:
        """Run *work* until the process ends; if it dies before, so does the process."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: self._note_end(done, name))
        self.stack.push_async_callback(_cancelled, task)

    def _note_end(self, task: asyncio.Future[None], name: str) -> None:
        if task.cancelled() or self._failed is None or self._failed.done():
            return
        error = task.exception()
        if isinstance(error, RegistryError):
            self.fail(error)
            return
        _log.critical("%s ended; the process stops", name, exc_info=error)
        why = f": {reason(error)}" if error else ""
        self.fail(Unfit(f"A background task, {name}, ended{why}. The process stops; start it again."))

    async def pool(self, dsn: str, name: str, *, size: int) -> Pool:
        """Open at most *size* connections, whose number is told under *name*."""
        opened = await pool(dsn, self._timeouts, size=size, statement_cache_size=self._settings.statement_cache_size)
        self.stack.push_async_callback(_closed, opened)
        gauge = self._metrics.pool
        gauge.labels(name, "open").set_function(opened.get_size)
        gauge.labels(name, "idle").set_function(opened.get_idle_size)
        return opened

    async def direct(self) -> asyncpg.Connection[asyncpg.Record]:
        """Open a connection with no pooler in between: for locks and notifications."""
        return await connect(self._databases.direct, self._timeouts)

    async def to_write(self) -> asyncpg.Connection[asyncpg.Record]:
        """Open a connection for a sequencer."""
        cached = self._settings.statement_cache_size
        return await connect(self._databases.writer, self._timeouts, statement_cache_size=cached)

    async def hear(self, wakes: Mapping[str, asyncio.Event]) -> None:
        """Set an event on each notification of its channel; a lost connection is replaced, polling covers the gap."""
        while True:
            with suppress(*PASSING):
                conn = await self.direct()
                try:
                    closed = asyncio.Event()
                    conn.add_termination_listener(lambda _conn, closed=closed: closed.set())
                    for channel, wake in wakes.items():
                        await conn.add_listener(channel, lambda *_, wake=wake: wake.set())
                    await closed.wait()
                finally:
                    conn.terminate()
            await asyncio.sleep(1)

    async def serve(self, served: web.AppRunner, host: str, port: int, name: str, *, is_shared: bool = False) -> int:
        """Serve on *host* and *port*, of which the setting *name* chooses another; return the port that it became.

        A port that *is_shared* is listened on by several processes, among which the kernel spreads connections.
        """
        await served.setup()
        self.stack.push_async_callback(served.cleanup)
        try:
            site = web.TCPSite(served, host, port, reuse_address=True, reuse_port=is_shared)
            await site.start()
        except OSError as error:
            raise _taken(host, port, name, error) from error
        return int(served.addresses[0][1])

    async def serve_at(self, served: web.AppRunner, path: Path) -> None:
        """Serve on the unix socket *path*."""
        await served.setup()
        self.stack.push_async_callback(served.cleanup)
        await web.UnixSite(served, path).start()


def require_free(host: str, port: int, name: str) -> None:
    """Raise `SettingsRefused` if *host* and *port*, of setting *name*, are taken: sharing a port would not notice."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(address)
                one.listen(1)
    except OSError as error:
        raise _taken(host, port, name, error) from error


def _taken(host: str, port: int, name: str, error: OSError) -> SettingsRefused:
    why = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else reason(error)
    return SettingsRefused(f"{host}:{port} cannot be listened on ({why}); choose another {name}.")


async def _closed(connections: Pool) -> None:
    """Close the pool when all its connections are given back, or soon.

    A task that was cancelled in the midst of a query still gives its connection back; cut off then, it would say so
    in the log, and nobody could do anything about it.
    """
    with suppress(TimeoutError, asyncpg.InterfaceError, *PASSING):
        async with asyncio.timeout(SETTLE_S):
            await connections.close()
    connections.terminate()


async def _cancelled(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
