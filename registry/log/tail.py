"""The writer's own connection, and what it remembers of the log's end; the fence proves the memory at every append."""

from __future__ import annotations

import asyncio
import socket
import time
from asyncio.trsock import TransportSocket
from collections.abc import Awaitable, Callable

from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable
from registry.log import read
from registry.log.codec import decode
from registry.log.connection import LOST, Connection
from registry.log.draft import Memory
from registry.log.sql import query

_CHAIN = query("read_chain")
_LOCK_HEAD = query("lock_head")
_ALWAYS_THE_SAME_PLANS = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off"
# The writer's statements look things up by whole keys; planning them anew for each batch takes as long as running them.

STATEMENT_BYTES = 512 * 1024
"""About what an append of 256 requests takes: what does not leave at once leaves after the next batch was decided."""

MOST_NEWS = 2_000
"""Events of others that are taken in one by one; after more, reading states again is cheaper."""
BETWEEN_ATTEMPTS_S = 0.1


def sending_socket(conn: Connection) -> TransportSocket | None:
    """The socket that *conn* sends on, if asyncpg still has it where it had it."""
    transport: asyncio.Transport | None = getattr(conn, "_transport", None)
    return transport.get_extra_info("socket") if transport is not None else None


class Tail:
    """Where the log ends, as this process last saw it. Everything known is forgotten with the connection's loss."""

    def __init__(self, log: LogName, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._log = log
        self._connect = connect
        self._conn: Connection | None = None
        self._second: Connection | None = None
        self._memory: Memory | None = None
        self._is_locked = False
        self.log_id = ""

    async def connection(self) -> Connection:
        """Return the connection, a new one if it was lost; raise `DatabaseUnavailable`."""
        if self._conn is None or self._conn.is_closed():
            self.disconnect()
            self._conn = await self._prepared()
        return self._conn

    async def second_connection(self) -> Connection:
        """Return a connection to read on while the first one writes; raise `DatabaseUnavailable`."""
        if self._second is None or self._second.is_closed():
            self._second = await self._prepared()
        return self._second

    async def memory(self, deadline: float) -> Memory:
        """Return what is known of the log's end, having connected again if need be.

        Keeps trying until *deadline* (of the monotonic clock), then raises one of `LOST` or `DatabaseUnavailable`.
        """
        while True:
            try:
                conn = await self.connection()
                memory = self._memory = self._memory or await self._begin(conn)
            except (*LOST, DatabaseUnavailable):
                self.forget()
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(BETWEEN_ATTEMPTS_S)
            else:
                return memory

    @property
    def remembered(self) -> Memory | None:
        """What is known of the log's end, if anything is."""
        return self._memory

    async def catch_up(self) -> None:
        """Take in what other processes wrote, in one snapshot; forget everything if that is not how things stand."""
        conn, memory = await self.connection(), self._memory
        if memory is None:
            return
        rows = await conn.fetch(_CHAIN, self._log, memory.position - 1, MOST_NEWS)
        is_ours = bool(rows) and rows[0]["position"] == memory.position and rows[0]["hash"] == memory.hash
        if not is_ours or len(rows) == MOST_NEWS:  # restored to another history, or too much news
            self._memory = await self._begin(conn)
            return
        try:
            for row in rows[1:]:
                memory.see(decode(row["position"], row["body"]))
        except (ValueError, KeyError, TypeError):  # of a newer version; what this one needs, it will read by itself
            self._memory = await self._begin(conn)
            return
        last = rows[-1]
        memory.position, memory.hash, memory.recorded_at = last["position"], last["hash"], last["recorded_at"]

    async def is_proved(self) -> bool:
        """Whether the log still ends where it is remembered to end: the fence of a batch that writes nothing."""
        head = await read.head(await self.connection(), self._log)
        memory = self._memory
        return head is not None and memory is not None and (head.position, head.hash) == (memory.position, memory.hash)

    async def lock(self) -> None:
        """Begin a transaction that holds the head's row, in the order of asking, so that nobody else can move it."""
        conn = await self.connection()
        await conn.execute("BEGIN")
        self._is_locked = True
        await conn.execute(_LOCK_HEAD, self._log)
        await self.catch_up()

    async def unlock(self) -> None:
        """Commit the transaction of `lock`, if there is one."""
        if self._is_locked and self._conn is not None:
            await self._conn.execute("COMMIT")
        self._is_locked = False

    def forget_states(self) -> None:
        """Forget all states but not the head: what was remembered contradicts the tables."""
        if self._memory is not None:
            self._memory.forget()

    def disconnect(self) -> None:
        """Drop the connection, and with it a transaction under way."""
        if self._conn is not None:
            self._conn.terminate()
        self._conn, self._is_locked = None, False

    def forget(self) -> None:
        """Drop the connections and everything that is remembered."""
        self.disconnect()
        if self._second is not None:
            self._second.terminate()
        self._second = self._memory = None

    def abandon(self) -> None:
        """Leave no transaction open: after a `lock` whose batch was not written."""
        if self._is_locked:
            self.disconnect()

    async def _prepared(self) -> Connection:
        conn = await self._connect()
        if (sock := sending_socket(conn)) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STATEMENT_BYTES)
        await conn.execute(_ALWAYS_THE_SAME_PLANS)
        return conn

    async def _begin(self, conn: Connection) -> Memory:
        head = await read.head(conn, self._log)
        if head is None:
            raise DatabaseUnavailable(f"The log {self._log!r} is not opened yet; run `registry init`.")
        self.log_id = self.log_id or await read.log_id(conn, self._log)
        return Memory(head.position, head.hash, head.recorded_at)
