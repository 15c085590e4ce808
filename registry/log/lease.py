"""Which process sequences a log now: a courtesy that saves lost fences. The fence itself is the guarantee.

Processes take turns. The holder keeps the lease while nobody else wants it; a process that does says so by a
notification and queues at a session's advisory lock (first come, first served). A holder that is frozen is not waited
for: after a second the others go on without the lease.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable
from registry.log.connection import LOST, Connection

CHANNEL = "registry_lease"
TURN_S = 0.02
PATIENCE_S = 1.0
REST_S = 10.0
"""How long a process goes on without the lease when a frozen holder keeps it."""
RECONNECT_S = 0.5
"""How long it goes on without the lease after the lease's connection was lost."""

Connect = Callable[[], Awaitable[Connection]]


class Lease:
    """One log's lease, on a direct connection of its own (advisory locks do not survive a transaction pooler)."""

    def __init__(self, log: LogName, connect: Connect) -> None:
        self._log = log
        self._connect = connect
        self._key = int.from_bytes(hashlib.sha256(f"sequencer {log}".encode()).digest()[:8], signed=True)
        self._conn: Connection | None = None
        self._since: float | None = None
        self._is_wanted = False
        self._not_before = 0.0
        self._lock = asyncio.Lock()
        self.is_busy = False
        """Set by the sequencer while a batch is under way: the lease is then kept to the end of the batch."""

    @property
    def is_held(self) -> bool:
        """Whether it is our turn."""
        return self._since is not None and self._conn is not None and not self._conn.is_closed()

    @property
    def is_turn_over(self) -> bool:
        """Whether somebody waits for the lease and has waited long enough."""
        return self._is_wanted and self._since is not None and time.monotonic() - self._since >= TURN_S

    async def take(self) -> bool:
        """Take the lease if it is not held; return whether somebody else may have held it meanwhile."""
        if self.is_held:
            return False
        if time.monotonic() >= self._not_before:
            async with self._lock:
                await self._try_to_queue()
        return True

    async def yield_turn(self, *, is_idle: bool) -> None:
        """Hand the lease on if somebody wants it and our turn is over, or we have nothing to do."""
        if self.is_turn_over or (is_idle and self._is_wanted and self._since is not None):
            await self._release()

    async def notify(self, channel: str) -> None:
        """Send the hint that the log has grown; a lost hint costs a poll's delay, never an event."""
        async with self._lock:
            try:
                if self._conn is not None:
                    await self._conn.execute("SELECT pg_notify($1, $2)", channel, self._log)
            except (*LOST, asyncpg.PostgresError):
                self._disconnect()

    async def close(self) -> None:
        """Give the lease back and close the connection."""
        conn, self._conn, self._since = self._conn, None, None
        if conn is not None:
            try:
                await conn.close(timeout=2)
            except LOST:
                conn.terminate()

    async def _try_to_queue(self) -> None:
        """Queue for the lease; without it, the fence still holds."""
        try:
            await self._queue()
        except asyncpg.LockNotAvailableError:  # its holder is frozen
            self._not_before = time.monotonic() + REST_S
        except (*LOST, asyncpg.PostgresError, DatabaseUnavailable):
            self._disconnect()  # or a lock whose grant got lost would be held for ever
            self._not_before = time.monotonic() + RECONNECT_S

    async def _queue(self) -> None:
        if self._conn is None or self._conn.is_closed():
            conn = await self._connect()
            # a hint needs no fsync of its own, which the next append would wait for
            await conn.execute(f"SET lock_timeout = {int(PATIENCE_S * 1000)}; SET synchronous_commit = off")
            await conn.add_listener(CHANNEL, self._on_wanted)
            self._conn = conn
        self._is_wanted = False  # those who want it from now on are behind us in the queue, and heard when we hold it
        if not await self._conn.fetchval("SELECT pg_try_advisory_lock($1)", self._key):
            await self._conn.execute("SELECT pg_notify($1, $2)", CHANNEL, self._log)
            await self._conn.execute("SELECT pg_advisory_lock($1)", self._key)
        self._since = time.monotonic()

    async def _release(self) -> None:
        self._since, self._is_wanted = None, False
        async with self._lock:
            try:
                if self._conn is not None:
                    await self._conn.fetchval("SELECT pg_advisory_unlock($1)", self._key)
            except (*LOST, asyncpg.PostgresError):
                self._disconnect()

    def _disconnect(self) -> None:
        """Drop the connection, and with it the lease."""
        conn, self._conn, self._since = self._conn, None, None
        if conn is not None:
            conn.terminate()

    def _on_wanted(self, conn: Any, pid: int, channel: str, payload: object) -> None:
        if payload != self._log or self._conn is None or pid == self._conn.get_server_pid():
            return
        self._is_wanted = True
        if not self.is_busy:
            self._yielding = asyncio.ensure_future(self.yield_turn(is_idle=True))
