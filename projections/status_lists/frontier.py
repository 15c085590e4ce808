"""Reading what may be published: bits, checkpoint and published heads, all in one snapshot, past the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from projections.status_lists import head_file
from projections.status_lists.guard import PublishedHead, Restore, is_abandoned, must_follow
from projections.status_lists.queries import sql
from registry.domain.events import LogRestored
from registry.domain.names import LOG_STREAM, LogName
from registry.errors import ForkedLog, RestoreOnItsWay
from registry.log import read

Connection = asyncpg.Connection | PoolConnectionProxy

_LOCK_VIEWS = sql("lock_views")
_FRONTIER = sql("read_frontier")
_RESTORES = sql("read_restores")
_LISTS = sql("read_lists")


@dataclass(frozen=True, slots=True)
class Frontier:
    """Where a log's publishing stands: what is projected, and what a publication decided now must follow."""

    log: LogName
    position: int
    """Projected up to here: a list rendered from this snapshot is a replay of the log up to this position."""
    hash: bytes
    follows: int
    """The position that no publication may go behind."""
    sequence: int
    """Of the last publication; the next one holds only if it still is the last."""
    restores: tuple[Restore, ...]
    file_head: PublishedHead | None

    @property
    def restore_position(self) -> int:
        """The position of the latest `LogRestored`; 0 if there is none."""
        return self.restores[-1].position if self.restores else 0

    @property
    def is_behind(self) -> bool:
        """Whether the projection has yet to reach what is published already, as after a rebuild."""
        return self.position < self.follows

    def head(self, now: datetime) -> PublishedHead:
        """Return the head that a publication from this snapshot makes."""
        return PublishedHead(self.position, self.hash, self.restore_position, now)


@dataclass(frozen=True, slots=True)
class ListState:
    """One list as the log tells it, and as the world saw it last."""

    status_list_id: UUID
    list_set: UUID
    purpose: str
    url: str
    issuer_id: UUID
    issuer_did: str
    size: int
    indices: list[int]
    """Of the entries that are not 0."""
    published_position: int | None
    published_restore: int | None
    published_body: bytes | None
    """Of the set's revocation list, or of a refresh list; only for lists that say something for good."""
    values: list[int] | None = None
    """Of the entries at `indices`, where they have more than one bit; None: each is 1."""
    status_size: int = 1
    """Bits of an entry."""
    messages: tuple[tuple[str, str], ...] = ()
    """(status, message) of every value, in a message list."""
    reference: tuple[str, ...] = ()
    """Where to read about the messages."""


@asynccontextmanager
async def snapshot(pool: Pool[asyncpg.Record]) -> AsyncIterator[Connection]:
    """Lend a connection that sees one moment, with the live generation held in place."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        await conn.execute(_LOCK_VIEWS)
        yield conn


async def read_frontier(conn: Connection, log: LogName, directory: Path) -> Frontier:
    """Return where *log* stands; raises `ForkedLog` when it does not continue what was published.

    That is a `RestoreOnItsWay` while the log says that this is known, and its projection does not. *directory* holds
    the published heads outside the database.
    """
    file_head = head_file.read(directory, log)
    row = await conn.fetchrow(_FRONTIER, log)
    assert row is not None
    restores = tuple(Restore(*restore) for restore in await conn.fetch(_RESTORES, log))
    heads = (file_head, _stored_head(row))
    try:
        follows = [must_follow(log, head, await _hash_at(conn, log, head), restores) for head in heads]
    except ForkedLog as error:
        if await disputed_head(conn, log, directory) is None:
            raise RestoreOnItsWay(f"The restore of the log {log} is accepted, but not projected yet.") from error
        raise
    position = row["projected"]
    hash_here = await read.hash_at(conn, log, position) if position else bytes(32)
    if hash_here is None:
        raise ForkedLog(
            f"The projections of the log {log} stand at position {position}, which the log does not have: it was "
            f"restored to an earlier point. Rebuild the projections, then run `registry accept-restore`."
        )
    return Frontier(log, position, hash_here, max(follows), row["sequence"] or 0, restores, file_head)


async def disputed_head(conn: Connection, log: LogName, directory: Path) -> PublishedHead | None:
    """Return the published head that *log* does not continue and nobody accepted yet; None if all is well.

    That is what `registry accept-restore` must name: the later one, when the file and the database know different ones.
    Acceptances are read from the log itself: right after a restore no projection may know them yet.
    """
    opened = await read.stream(conn, log, LOG_STREAM)
    restores = [
        Restore(one.position, event.published_position, bytes.fromhex(event.published_hash), event.restored_position)
        for one in opened
        if isinstance(event := one.event, LogRestored)
    ]
    disputed = [
        head
        for head in (head_file.read(directory, log), await _published_head(conn, log))
        if head and head.position and await _hash_at(conn, log, head) != head.hash and not is_abandoned(head, restores)
    ]
    return max(disputed, key=lambda head: head.position, default=None)


async def _published_head(conn: Connection, log: LogName) -> PublishedHead | None:
    """Return the head in the database; None also where nothing was ever projected into it."""
    try:
        row = await conn.fetchrow(_FRONTIER, log)
    except asyncpg.UndefinedTableError:
        return None
    assert row is not None
    return _stored_head(row)


async def read_lists(conn: Connection, log: LogName, lists: Sequence[UUID]) -> list[ListState]:
    """Return the present state of *lists*, those that exist."""
    return [
        ListState(
            status_list_id=row["status_list_id"],
            list_set=row["list_set"],
            purpose=row["purpose"],
            url=row["url"],
            issuer_id=row["issuer_id"],
            issuer_did=row["issuer_did"],
            size=row["size"],
            indices=row["indices"],
            published_position=row["published_position"],
            published_restore=row["published_restore"],
            published_body=row["published_body"],
            values=row["values"],
            status_size=row["status_size"],
            messages=tuple(tuple(pair) for pair in orjson.loads(row["messages"] or b"[]")),
            reference=tuple(row["reference"]),
        )
        for row in await conn.fetch(_LISTS, log, lists)
    ]


def _stored_head(row: asyncpg.Record) -> PublishedHead | None:
    """Return the head in the database, if anything was ever published."""
    if not row["sequence"]:
        return None
    return PublishedHead(row["position"], row["hash"], row["restore_position"], row["published_at"])


async def _hash_at(conn: Connection, log: LogName, head: PublishedHead | None) -> bytes | None:
    return await read.hash_at(conn, log, head.position) if head and head.position else None
