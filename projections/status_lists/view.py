"""The published lists, in memory: what GET /status-lists/{id} and lookups by (list, index) answer from.

Each form of a list is read when it is first asked for, and kept for itself: few clients of a list want two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from asyncpg import Pool

from projections.status_lists.bounded import Bounded
from projections.status_lists.published_list import Entries, PublishedList, entries
from projections.status_lists.queries import sql
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable, UnknownStatusList
from registry.log.connection import RETRYABLE
from registry.log.read import Executor

POLL_S = 0.25
"""How stale a list in memory can be when notifications are lost."""
MAX_INFLATED_BYTES = 16 << 20
"""Entries of lists that are kept as bits."""
RESTORED_S = 5
"""How long a database must be behind what it said before until it counts as restored, not as a standby that lags."""
ATTEMPTS, PAUSE_S = 5, 0.05
"""How often, and how long after each other, a list is read whose publication we know but the database does not yet."""

Key = tuple[LogName, UUID]
Form = tuple[LogName, UUID, str]
"""A list, and the media type of one of its forms."""
Newest = tuple[int, tuple[str, ...]]
"""The sequence of a list's latest publication, and the media types of its forms, the default first."""
T = TypeVar("T")

_REFRESH = "refresh"

_HEADS = sql("read_heads")
_SINCE = sql("read_published_since")
_PUBLISHED = sql("read_published")
_PUBLISHED_OF = sql("read_published_of")


class PublishedLists:
    """Every published list: ids, URLs and forms of all, the bytes of those asked for last, up to *max_bytes*.

    What is in memory is answered without a database, also while it is down; `refresh` replaces what was published
    anew. Entries are inflated when first asked for, and kept up to `MAX_INFLATED_BYTES`.
    """

    def __init__(
        self, pool: Pool[asyncpg.Record], *, max_bytes: int = 64 << 20, monotonic: Callable[[], float] = monotonic
    ) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._lists: Bounded[Form, PublishedList] = Bounded(max_bytes, lambda one: one.size_bytes)
        self._entries: Bounded[Key, tuple[int, Entries]] = Bounded(MAX_INFLATED_BYTES, lambda one: len(one[1].packed))
        self._newest: dict[Key, Newest] = {}
        self._kinds: dict[tuple[str, ...], tuple[str, ...]] = {}
        """One tuple for all lists that come in the same forms."""
        self._urls: dict[tuple[LogName, str], UUID] = {}
        self._seen: dict[LogName, int] = {}
        self._behind_since: dict[LogName, float] = {}
        """Logs whose publications the database did not all have when it was looked at, and since when."""
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    def media_types(self, log: LogName, status_list_id: UUID) -> tuple[str, ...]:
        """Return the forms that the list is known to have, the default first; empty for an unknown list."""
        return self._newest.get((log, status_list_id), (0, ()))[1]

    def peek(self, log: LogName, status_list_id: UUID, media_type: str) -> PublishedList | None:
        """Return that form of the list if its bytes are in memory, at once."""
        return self._lists.get((log, status_list_id, media_type))

    async def forms(self, log: LogName, status_list_id: UUID) -> tuple[str, ...]:
        """Return the forms that the list has, the default first; raises as `get` does."""
        key = (log, status_list_id)
        if key not in self._newest:
            await self.refresh()
        if key not in self._newest:
            raise UnknownStatusList("No status list was published under this id.")
        return self._newest[key][1]

    async def get(self, log: LogName, status_list_id: UUID, media_type: str | None = None) -> PublishedList:
        """Return the list as it was published last, in the form of *media_type*, or else in its default form.

        Raises `UnknownStatusList`, also for a form that the list does not have, or `DatabaseUnavailable` when it must
        be read and cannot.
        """
        form = (log, status_list_id, media_type or (await self.forms(log, status_list_id))[0])
        if found := self._lists.get(form):
            return found
        await self.forms(log, status_list_id)
        return await self._once(form, lambda: self._load(form))

    async def by_url(self, log: LogName, url: str) -> PublishedList:
        """Return the list of *log* that carries *url* in its default form; raises as `get` does."""
        return await self.get(log, await self.id_of(log, url))

    async def by_urls(self, log: LogName, urls: Iterable[str]) -> dict[str, PublishedList | None]:
        """Return the lists of *log* that carry *urls* in their default forms, or None; raises `DatabaseUnavailable`.

        However many are unknown, that takes one look at the database.
        """
        wanted = dict.fromkeys(urls)
        if any((log, url) not in self._urls for url in wanted):
            await self.refresh()
        ids = {url: self._urls.get((log, url)) for url in wanted}
        return {url: None if one is None else await self._default(log, one) for url, one in ids.items()}

    async def _default(self, log: LogName, status_list_id: UUID) -> PublishedList | None:
        forms = self.media_types(log, status_list_id)
        if forms and (found := self.peek(log, status_list_id, forms[0])):
            return found
        with suppress(UnknownStatusList):
            return await self.get(log, status_list_id)
        return None

    async def id_of(self, log: LogName, url: str) -> UUID:
        """Return the id of the list of *log* that carries *url*; raises as `get` does."""
        if (log, url) not in self._urls:
            await self.refresh()
        if (log, url) not in self._urls:
            raise UnknownStatusList("No status list was published under this URL.")
        return self._urls[log, url]

    def value(self, published: PublishedList, index: int) -> int:
        """Return the entry at *index* of *published*; raises `IndexError` outside the list."""
        return self.entries(published).value(index)

    def entries(self, published: PublishedList) -> Entries:
        """Return the entries of *published*, inflated already or now."""
        found = self.entries_at_hand(published)
        if found is None:
            found = entries(published)
            self._entries.put((published.log, published.status_list_id), (published.sequence, found))
        return found

    def entries_at_hand(self, published: PublishedList) -> Entries | None:
        """Return the entries of *published* if they are inflated already."""
        kept = self._entries.get((published.log, published.status_list_id))
        return kept[1] if kept is not None and kept[0] == published.sequence else None

    async def published_of(self, log: LogName, list_set: UUID) -> frozenset[UUID]:
        """Return the lists of the set that can be fetched; nothing may point to another one."""
        with _reading():
            return frozenset(row[0] for row in await self._pool.fetch(_PUBLISHED_OF, log, list_set))

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
                async with asyncio.timeout(POLL_S):  # wait_for of Python 3.11 can lose a cancellation
                    await wake.wait()
            wake.clear()

    async def _refresh(self) -> None:
        with _reading():
            async with self._pool.acquire() as conn:  # one, for behind several standbys another may be another server
                for log_name, sequence in await conn.fetch(_HEADS):
                    log = LogName(log_name)
                    if self._was_restored(log, sequence):
                        self._forget(log)
                    if sequence > self._seen.get(log, 0):
                        await self._catch_up(conn, log, sequence)

    def _was_restored(self, log: LogName, sequence: int) -> bool:
        """Whether all that is known of *log* must be learned anew, since the database may not be the one it was.

        Of a standby that lags nothing is believed: what was published is served on, until it has come up to that.
        """
        if sequence < self._seen.get(log, 0):
            since = self._behind_since.setdefault(log, self._monotonic())
            return self._monotonic() - since >= RESTORED_S
        return log in self._behind_since

    async def _catch_up(self, conn: Executor, log: LogName, sequence: int) -> None:
        """Take in the publications of *log* up to *sequence*, or later ones: nothing before it can still appear."""
        in_memory: list[Form] = []
        for status_list_id, url, at, media_types in await conn.fetch(_SINCE, log, self._seen.get(log, 0)):
            for gone in {*self.media_types(log, status_list_id)} - {*media_types}:
                self._lists.drop((log, status_list_id, gone))
            kinds = tuple(media_types)
            self._newest[log, status_list_id] = (at, self._kinds.setdefault(kinds, kinds))
            self._urls[log, url] = status_list_id
            forms = ((log, status_list_id, one) for one in kinds)
            in_memory += [form for form in forms if form in self._lists]
        for row in await _read(conn, in_memory) if in_memory else ():
            self._keep(PublishedList.from_row(log, row))
        self._seen[log] = sequence

    def _forget(self, log: LogName) -> None:
        self._seen.pop(log, None)
        self._behind_since.pop(log, None)
        self._urls = {key: one for key, one in self._urls.items() if key[0] != log}
        self._lists.drop_all(lambda form: form[0] == log)
        self._entries.drop_all(lambda key: key[0] == log)
        for key in [key for key in self._newest if key[0] == log]:
            del self._newest[key]

    async def _load(self, form: Form) -> PublishedList:
        """Read one form of a list; never an older version than is known to be published."""
        log, status_list_id, _ = form
        for _ in range(ATTEMPTS):
            with _reading():
                rows = await _read(self._pool, [form])
            if not rows:
                raise UnknownStatusList("The status list is not published in this form.")
            if rows[0]["sequence"] >= self._newest.get((log, status_list_id), (0, ()))[0]:
                return self._keep(PublishedList.from_row(log, rows[0]))
            await asyncio.sleep(PAUSE_S)
        raise DatabaseUnavailable("The database does not have the status list's latest publication yet.")

    def _keep(self, published: PublishedList) -> PublishedList:
        """Keep *published*, unless a later version is in memory already; return what is kept."""
        form = (published.log, published.status_list_id, published.media_type)
        kept = self._lists.get(form)
        if kept is None or kept.sequence < published.sequence:
            self._lists.put(form, kept := published)
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


async def _read(conn: Executor, forms: Sequence[Form]) -> list[asyncpg.Record]:
    """Read *forms*, all of one log; those that a list does not have are missing."""
    lists, media_types = [form[1] for form in forms], [form[2] for form in forms]
    rows: list[asyncpg.Record] = await conn.fetch(_PUBLISHED, forms[0][0], lists, media_types)
    return rows


@contextmanager
def _reading() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for what asyncpg says when it cannot answer."""
    try:
        yield
    except RETRYABLE as error:
        raise DatabaseUnavailable("The published status lists cannot be read just now.") from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError) as error:
        raise DatabaseUnavailable(
            "The projections are not set up yet: this version's `registry project` does that."
        ) from error
