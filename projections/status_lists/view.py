"""The published lists, in memory: what GET /status-lists/{id} and lookups by (list, index) answer from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from asyncpg import Pool

from projections.status_lists import encoded_list
from projections.status_lists.bounded import Bounded
from projections.status_lists.published_list import PublishedList, published_bits
from projections.status_lists.queries import sql
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable, UnknownStatusList
from registry.log.connection import RETRYABLE

POLL_S = 0.25
"""How stale a list in memory can be when notifications are lost."""

Key = tuple[LogName, UUID]
T = TypeVar("T")

_REFRESH = "refresh"

_HEADS = sql("read_heads")
_SINCE = sql("read_published_since")
_PUBLISHED = sql("read_published")
_IS_PUBLISHED = sql("is_published")


class PublishedLists:
    """Every published list: ids and URLs of all, the bytes of those asked for last, up to *max_bytes*.

    Lists in memory are answered without a database, also while it is down; `refresh` replaces what was published
    anew. Bits are inflated when first asked for, and kept up to *max_inflated_bytes*.
    """

    def __init__(
        self, pool: Pool[asyncpg.Record], *, max_bytes: int = 64 << 20, max_inflated_bytes: int = 16 << 20
    ) -> None:
        self._pool = pool
        self._lists: Bounded[Key, PublishedList] = Bounded(max_bytes, lambda one: one.size_bytes)
        self._bits: Bounded[Key, tuple[int, bytes]] = Bounded(max_inflated_bytes, lambda one: len(one[1]))
        self._newest: dict[Key, int] = {}
        self._urls: dict[tuple[LogName, str], UUID] = {}
        self._seen: dict[LogName, int] = {}
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    def peek(self, log: LogName, status_list_id: UUID) -> PublishedList | None:
        """Return the list if its bytes are in memory, at once."""
        return self._lists.get((log, status_list_id))

    async def get(self, log: LogName, status_list_id: UUID) -> PublishedList:
        """Return the list as it was published last.

        Raises `UnknownStatusList`, or `DatabaseUnavailable` when it must be read and cannot.
        """
        key = (log, status_list_id)
        if found := self._lists.get(key):
            return found
        if key not in self._newest:
            await self.refresh()
        if key not in self._newest:
            raise UnknownStatusList("No status list was published under this id.")
        return await self._once(key, lambda: self._load(key))

    async def by_url(self, log: LogName, url: str) -> PublishedList:
        """Return the list of *log* that carries *url*; raises as `get` does."""
        if (log, url) not in self._urls:
            await self.refresh()
        if (log, url) not in self._urls:
            raise UnknownStatusList("No status list was published under this URL.")
        return await self.get(log, self._urls[log, url])

    def bit(self, published: PublishedList, index: int) -> int:
        """Return the entry at *index* of *published*, 0 or 1; raises `IndexError` outside the list."""
        key = (published.log, published.status_list_id)
        kept = self._bits.get(key)
        if kept is None or kept[0] != published.sequence:
            kept = (published.sequence, published_bits(published.body))
            self._bits.put(key, kept)
        return encoded_list.bit(kept[1], index)

    async def is_published(self, log: LogName, list_set: UUID) -> bool:
        """Whether every list of the set can be fetched; only then may its indices be given out."""
        with _reading():
            return bool(await self._pool.fetchval(_IS_PUBLISHED, log, list_set))

    async def refresh(self) -> None:
        """Learn of everything published so far, and read anew what of it is in memory; raises `DatabaseUnavailable`.

        Concurrent calls share a look at the database, but only one that began after they asked.
        """
        if under_way := self._under_way.get(_REFRESH):
            await asyncio.wait([under_way])
        await self._once(_REFRESH, self._refresh)

    async def follow(self, wake: asyncio.Event) -> None:
        """Refresh until cancelled: whenever *wake* is set, and every 250 ms."""
        while True:
            with suppress(DatabaseUnavailable):  # what is in memory goes on being served
                await self.refresh()
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), POLL_S)
            wake.clear()

    async def _refresh(self) -> None:
        with _reading():
            for log_name, sequence in await self._pool.fetch(_HEADS):
                if sequence < self._seen.get(log_name, 0):
                    self._forget(LogName(log_name))  # the database was restored: what it has now is what is published
                if sequence > self._seen.get(log_name, 0):
                    await self._catch_up(LogName(log_name), sequence)

    async def _catch_up(self, log: LogName, sequence: int) -> None:
        """Take in the publications of *log* up to *sequence*, or later ones: nothing before it can still appear."""
        in_memory = []
        for status_list_id, url, at in await self._pool.fetch(_SINCE, log, self._seen.get(log, 0)):
            self._newest[log, status_list_id] = at
            self._urls[log, url] = status_list_id
            if (log, status_list_id) in self._lists:
                in_memory.append(status_list_id)
        for row in await self._pool.fetch(_PUBLISHED, log, in_memory) if in_memory else ():
            self._keep(PublishedList.from_row(log, row))
        self._seen[log] = sequence

    def _forget(self, log: LogName) -> None:
        self._seen.pop(log, None)
        self._lists.drop_all(lambda key: key[0] == log)
        self._bits.drop_all(lambda key: key[0] == log)
        for key in [key for key in self._newest if key[0] == log]:
            del self._newest[key]

    async def _load(self, key: Key) -> PublishedList:
        """Read one list; once more if it was published anew in the meantime."""
        log, status_list_id = key
        while True:
            with _reading():
                row = await self._pool.fetchrow(_PUBLISHED, log, [status_list_id])
            if row is None:
                raise UnknownStatusList("No status list was published under this id.")
            if row["sequence"] >= self._newest.get(key, 0):
                break
        return self._keep(PublishedList.from_row(log, row))

    def _keep(self, published: PublishedList) -> PublishedList:
        """Keep *published*, unless a later version is in memory already; return what is kept."""
        key = (published.log, published.status_list_id)
        kept = self._lists.get(key)
        if kept is None or kept.sequence < published.sequence:
            self._lists.put(key, kept := published)
        return kept

    async def _once(self, what: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what *work* returns, sharing it with everybody who asks while it is under way."""
        task = self._under_way.get(what)
        if task is None:
            task = self._under_way[what] = asyncio.ensure_future(self._alone(what, work))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # everybody may have left
        result: T = await asyncio.shield(task)  # one caller's disconnection is not everybody's
        return result

    async def _alone(self, what: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            return await work()
        finally:
            del self._under_way[what]


@contextmanager
def _reading() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for what asyncpg says when it cannot answer."""
    try:
        yield
    except RETRYABLE as error:
        raise DatabaseUnavailable("The published status lists cannot be read just now.") from error
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise DatabaseUnavailable("The projections are not set up yet: `registry project` does that.") from error
