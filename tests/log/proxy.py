"""Stands between a writer and PostgreSQL on a unix socket, and can do something at a chosen moment of an append.

It speaks just enough of PostgreSQL's protocol (version 3) to see the statement that moves the head go by.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

MOVES_THE_HEAD = b"UPDATE log_heads"
Hook = Callable[[], Awaitable[None]]


class Moment(Enum):
    """When the proxy interferes with an append."""

    BEFORE = auto()
    """The statement was sent and has not reached PostgreSQL."""
    DURING = auto()
    """PostgreSQL has the statement and has not answered."""
    AFTER = auto()
    """PostgreSQL has committed and answered; the answer has not reached the writer."""


class Proxy:
    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        """The socket that connections lead to from now on."""
        self._armed: tuple[Moment, Hook] | None = None
        self._before_each: Hook | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.fired = asyncio.Event()

    def arm(self, moment: Moment, hook: Hook) -> None:
        """At the next append's *moment* run *hook*, then cut that connection; once."""
        self._armed = (moment, hook)
        self.fired.clear()

    def delay_each(self, hook: Hook) -> None:
        """Before every append reaches PostgreSQL, run *hook*."""
        self._before_each = hook

    def cut_all(self) -> None:
        """Close every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            upstream_reader, upstream = await asyncio.open_unix_connection(self.upstream)
        except OSError:
            writer.transport.abort()
            return
        self._open.add(upstream)
        answers = asyncio.create_task(_pump(upstream_reader, writer))
        try:
            await self._requests(reader, upstream, upstream_reader, answers)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            answers.cancel()
            for one in (writer, upstream):
                one.transport.abort()
                self._open.discard(one)
            self._tasks.discard(task)

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        answers: asyncio.Task[None],
    ) -> None:
        upstream.write(await _message(reader, has_type=False))
        appends: set[bytes] = set()
        while True:
            message = await _message(reader)
            if message[:1] == b"P" and MOVES_THE_HEAD in message:
                appends.add(message[5:].partition(b"\0")[0])
            is_append = message[:1] == b"B" and message[5:].split(b"\0")[1] in appends
            if is_append and self._before_each:
                await self._before_each()
            if is_append and self._armed:
                rest = [await _message(reader), await _message(reader)]  # Execute and Sync
                await self._interfere(b"".join([message, *rest]), upstream, upstream_reader, answers)
                return
            upstream.write(message)
            await upstream.drain()

    async def _interfere(
        self,
        statement: bytes,
        upstream: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        answers: asyncio.Task[None],
    ) -> None:
        assert self._armed is not None
        (moment, hook), self._armed = self._armed, None
        answers.cancel()
        with suppress(asyncio.CancelledError):
            await answers
        if moment is not Moment.BEFORE:
            upstream.write(statement)
            await upstream.drain()
        if moment is Moment.AFTER:
            while (await _message(upstream_reader))[:1] != b"Z":  # ReadyForQuery
                pass
        await hook()
        self.fired.set()


async def _message(reader: asyncio.StreamReader, *, has_type: bool = True) -> bytes:
    head = await reader.readexactly(5 if has_type else 4)
    return head + await reader.readexactly(int.from_bytes(head[-4:]) - 4)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(65_536):
        writer.write(block)
        await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def proxied(dsn: str, folder: Path) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy in front of *dsn*, and the DSN that leads through it."""
    query = parse_qs(urlsplit(dsn).query)
    (host,), (port,) = query["host"], query["port"]
    proxy = Proxy(f"{host}/.s.PGSQL.{port}")
    server = await asyncio.start_unix_server(proxy.serve, folder / f".s.PGSQL.{port}")
    try:
        yield proxy, re.sub(r"host=[^&]*", f"host={folder}", dsn)
    finally:
        server.close()
        proxy.cut_all()
        await asyncio.gather(*proxy._tasks, return_exceptions=True)
