"""The lists as they stood: folded from the log up to a publication, and signed now with the validity of then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from time import monotonic
from typing import TypeVar
from uuid import UUID

import asyncpg
import orjson
from asyncpg import Pool

from projections.status_lists.bounded import Bounded
from projections.status_lists.frontier import ListState
from projections.status_lists.published_list import PublishedList
from projections.status_lists.queries import sql
from projections.status_lists.rendering import Secure, Validity, past, representations
from projections.status_lists.representation import Representation
from projections.visibility import visible
from registry.domain.names import LogName
from registry.errors import NotYetVisible, OutOfHistory, Unavailable

Forms = Mapping[str, PublishedList]
"""Media type → that form of a version."""
Key = tuple[LogName, UUID, int, datetime]
"""Log, list, sequence and time of the publication: after a restore sequences begin again."""
T = TypeVar("T")

AT_ONCE = 2
"""Versions that are made at a time: the past may take its time, and leaves room for the present."""
MOST_WAITING = 64
KEPT_S = 60.0
"""How long a version that was made is good: what a key signed is not to outlive the key for long."""

_VERSION = sql("read_version")
_PAST_LIST = sql("read_past_list")


@dataclass(frozen=True, slots=True)
class Version:
    """A publication of a list: what it stood for, and how long it said it would hold."""

    status_list_id: UUID
    sequence: int
    position: int
    ttl_s: int
    valid_from: datetime
    valid_until: datetime
    published_at: datetime
    kept: tuple[int, ...]
    """Indices that were set only because the world had seen them revoked, before a restore."""


@dataclass(frozen=True, slots=True)
class PastEntries:
    """Some entries of a list as they stood."""

    version: Version
    purpose: str
    size: int
    values: Mapping[int, int]
    """Index → value, of those that were not 0."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A version in every form, and when it was made: seconds of the monotonic clock."""

    forms: Forms
    at: float


class History:
    """Past versions of lists, made when they are asked for, and kept for a minute, up to *max_bytes*.

    *secure* signs with today's keys and says that it was done today: a key that is compromised now cannot have signed
    then. *clock* tells the time (UTC), *monotonic* seconds.
    """

    def __init__(
        self,
        pool: Pool[asyncpg.Record],
        secure: Secure,
        *,
        clock: Callable[[], datetime],
        max_bytes: int = 32 << 20,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._pool = pool
        self._secure = secure
        self._clock = clock
        self._monotonic = monotonic
        self._under_way: dict[Key, asyncio.Task[Forms]] = {}
        self._kept: Bounded[Key, _Made] = Bounded(
            max_bytes, lambda made: sum(one.size_bytes for one in made.forms.values())
        )
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def forms_at(self, log: LogName, status_list_id: UUID, moment: datetime) -> Forms:
        """Return every form of the list as it stood at *moment*, the default form first.

        Raises `OutOfHistory`, `NotYetVisible`, and `Unavailable` when too many ask at once.
        """
        version = await self._version(log, status_list_id, moment)
        key = (log, status_list_id, version.sequence, version.published_at)
        found = self._kept.get(key)
        if found is not None and self._monotonic() - found.at < KEPT_S:
            return found.forms
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.ensure_future(self._in_turn(lambda: self._made(log, version)))
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)  # one caller's disconnection is not everybody's

    def _done(self, key: Key, task: asyncio.Task[Forms]) -> None:
        del self._under_way[key]
        if not task.cancelled() and task.exception() is None:
            self._kept.put(key, _Made(task.result(), self._monotonic()))

    async def entries_at(
        self, log: LogName, status_list_id: UUID, indices: Sequence[int], moment: datetime
    ) -> PastEntries:
        """Return the entries at *indices* as they stood at *moment*; raises as `forms_at` does."""
        version = await self._version(log, status_list_id, moment)
        asked = [index for index in indices if index < 1 << 31]
        state = await self._in_turn(lambda: self._state(log, version, asked))
        values = dict(zip(state.indices, state.values or [1] * len(state.indices), strict=True))
        return PastEntries(version, state.purpose, state.size, {**values, **dict.fromkeys(version.kept, 1)})

    @visible
    async def _version(self, log: LogName, status_list_id: UUID, moment: datetime) -> Version:
        if moment > self._clock():
            raise OutOfHistory("That moment lies in the future; ask for one that has passed.")
        row = await self._pool.fetchrow(_VERSION, log, status_list_id, moment)
        if row is None:
            raise OutOfHistory("The list was not published yet at that moment; ask for a later one.")
        if row["is_lost"]:
            raise OutOfHistory(
                "What the list said at that moment was lost when the registry was restored; ask for another moment."
            )
        if row["projected"] < row["position"]:
            raise NotYetVisible("The read side is being built; repeat the request in a moment.")
        fields = {name: value for name, value in row.items() if name not in ("is_lost", "projected", "kept")}
        return Version(status_list_id, kept=tuple(row["kept"]), **fields)

    @visible
    async def _state(self, log: LogName, version: Version, indices: Sequence[int] | None) -> ListState:
        row = await self._pool.fetchrow(_PAST_LIST, log, version.status_list_id, version.position, indices)
        if row is None:
            raise NotYetVisible("The read side is being built; repeat the request in a moment.")
        return ListState(
            **{name: row[name] for name in _OF_STATE},
            published_position=None,
            published_restore=None,
            published_body=None,
            messages=tuple((status, text) for status, text in orjson.loads(row["messages"] or b"[]")),
            reference=tuple(row["reference"]),
        )

    async def _made(self, log: LogName, version: Version) -> Forms:
        state = await self._state(log, version, None)
        validity = Validity(version.published_at, version.valid_from, version.valid_until, version.ttl_s)
        unsecured = await asyncio.to_thread(past, state, version.kept, validity)
        secured = await self._secure(log, unsecured)
        served = await asyncio.to_thread(representations, secured)
        return {one.media_type: _form(log, version, state, one) for one in served}

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Many are asking for the past just now; repeat the request in a moment.")
        self._waiting += 1
        try:
            async with self._turns:
                return await work()
        finally:
            self._waiting -= 1


def _form(log: LogName, version: Version, state: ListState, made: Representation) -> PublishedList:
    return PublishedList(
        log=log,
        status_list_id=version.status_list_id,
        list_set=state.list_set,
        purpose=state.purpose,
        url=state.url,
        position=version.position,
        sequence=version.sequence,
        media_type=made.media_type,
        body=made.content,
        gzip=made.gzip,
        etag=made.etag,
        gzip_etag=made.gzip_etag,
        ttl_s=version.ttl_s,
        valid_from=version.valid_from,
        valid_until=version.valid_until,
        published_at=version.published_at,
        last_modified=format_datetime(version.published_at, usegmt=True),
    )


_OF_STATE = (
    "status_list_id", "list_set", "purpose", "url", "issuer_id", "issuer_did", "size", "indices", "values",
    "status_size",
)  # fmt: skip
