"""Publishing: render → secure → remember outside → store, when bits changed or validity nears its end.

One publisher leads, in the process that projects. A second one is harmless: a publication is stored only if it is
still the one that follows the publication it was decided on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg import Pool

from projections.status_lists import head_file
from projections.status_lists.due import Renewal, batches, read_due
from projections.status_lists.frontier import Frontier, read_frontier, read_lists, snapshot
from projections.status_lists.progress import Progress
from projections.status_lists.queries import sql
from projections.status_lists.rendering import Refusal, Rendered, Secure, Secured, Validity, finish, render
from projections.status_lists.store import store
from registry.domain.names import LogName
from registry.errors import ForkedLog, RegistryError

Step = Callable[[str], Awaitable[None]]
"""Told of every step that is done: rendered, secured, head-written, uncommitted, stored. May raise, to fail there."""

_NEW = sql("read_new")
_SOONEST = sql("read_soonest")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """How lists are published; seconds, and the directory that remembers the published heads."""

    head_directory: Path
    tick_s: float = 15
    ttl_s: int = 60
    validity_s: float = 12 * 3600
    resign_at: float = 0.5
    """The share of the validity after which a list is signed anew."""
    batch: int = 200
    """Lists rendered from one snapshot and stored in one transaction; also how many that can wait a pass takes."""


async def _done(_step: str) -> None:
    """Let every step pass."""


def _unobserved(_log: LogName, _seconds: float) -> None:
    """Look away."""


class Publisher:
    """Publishes the lists of any number of logs.

    *secure* signs, *clock* tells the time (UTC), *step* is told of every step, *observe_visible* how many seconds
    after its recording a list's newest change was stored for all to see, *observe_batch* how many seconds publishing
    one batch of lists took.
    """

    def __init__(
        self,
        pool: Pool[asyncpg.Record],
        secure: Secure,
        settings: PublishSettings,
        *,
        clock: Callable[[], datetime],
        step: Step = _done,
        observe_visible: Callable[[LogName, float], None] = _unobserved,
        observe_batch: Callable[[LogName, float], None] = _unobserved,
    ) -> None:
        self.progress: dict[LogName, Progress] = {}
        self._pool = pool
        self._secure = secure
        self._settings = settings
        self._clock = clock
        self._step = step
        self._observe_visible = observe_visible
        self._observe_batch = observe_batch
        self._all_published_to: dict[LogName, int] = {}

    def progress_of(self, log: LogName) -> Progress:
        """Return how the publishing of *log* stands."""
        return self.progress.setdefault(log, Progress())

    async def check(self, log: LogName) -> Frontier:
        """Return where *log* stands; raises `ForkedLog`, and remembers why, when it may not be published."""
        async with snapshot(self._pool) as conn:
            return await self._frontier(conn, log)

    async def publish(self, log: LogName) -> int:
        """Publish every list of *log* that changed, is new, or is past its share of validity; return how many.

        First those that changed. Those that only near the end of their validity, and then those that only lack a form,
        come after everything else, a batch a pass while they can wait.
        Raises `ForkedLog`: then nothing of this log is published. A list that the guard refuses, or that cannot be
        signed, is named in `progress` and never keeps others from being published.
        """
        progress = self.progress_of(log)
        async with snapshot(self._pool) as conn:
            frontier = await self._frontier(conn, log)
            due = await read_due(conn, log, frontier.restore_position, self._renewal())
        progress.note_pending((one.status_list_id, one.changed_at) for one in due if one.is_dirty)
        progress.refused.clear()
        progress.kept_bits = 0
        settled = frozenset(one.status_list_id for one in due if not one.is_dirty)
        published = await self._publish_all(log, [(one.list_set, one.status_list_id) for one in due], settled)
        progress.valid_until = await self._pool.fetchval(_SOONEST, log)
        return published

    async def publish_new(self, log: LogName) -> int:
        """Publish the lists of *log* that never were, without waiting for the tick; return how many.

        One query when there is nothing to do. What was refused waits for the next `publish`.
        """
        rows = await self._pool.fetch(_NEW, log, self._all_published_to.get(log, 0))
        if rows and all(row["is_published"] for row in rows):
            self._all_published_to[log] = rows[-1]["added_position"]
        refused = self.progress_of(log).refused
        new = [(row["list_set"], row["status_list_id"]) for row in rows if not row["is_published"]]
        return await self._publish_all(log, [one for one in new if one[1] not in refused])

    async def remember(self, log: LogName) -> None:
        """Make the file outside the database say how far *log* has come, also when no list changed.

        Indices given out since the last publication are in the world, too: after a restore to before them the log
        must count as a fork, or they would be given out again.
        """
        async with snapshot(self._pool) as conn:
            frontier = await self._frontier(conn, log)
        known = frontier.file_head
        if frontier.is_behind or (known is not None and known.position >= frontier.position):
            return
        head = frontier.head(self._clock())
        await asyncio.to_thread(head_file.advance, self._settings.head_directory, log, head, seen=known)

    def _renewal(self) -> Renewal:
        """Lists are due after `resign_at` of their validity, and cannot wait once a quarter of the rest is gone."""
        now, left_s = self._clock(), self._settings.validity_s * (1 - self._settings.resign_at)
        return Renewal(now + timedelta(seconds=left_s), now + timedelta(seconds=left_s * 0.75), self._settings.batch)

    async def _publish_all(
        self, log: LogName, lists: Sequence[tuple[UUID, UUID]], settled: Collection[UUID] = ()
    ) -> int:
        """Publish *lists*, each named after its set; those that are *settled* did not change. Return how many."""
        published = 0
        for batch in batches(lists, self._settings.batch):
            started = monotonic()
            stored = await self._publish_batch(log, batch, settled)
            if stored is None:
                break  # another publisher is at it; the next pass finds what it left
            published += stored
            if stored:
                took_s = monotonic() - started
                self._observe_batch(log, took_s)
                _log.info("%d lists of the log %s are published, in %.3f s", stored, log, took_s)
        return published

    async def _publish_batch(self, log: LogName, lists: Sequence[UUID], settled: Collection[UUID]) -> int | None:
        """Publish *lists* from one snapshot; return how many, or None if this publication may not be."""
        async with snapshot(self._pool) as conn:
            frontier = await self._frontier(conn, log)
            if frontier.is_behind:
                return None
            states = await read_lists(conn, log, lists)
        validity = Validity.of(self._clock(), validity_s=self._settings.validity_s, ttl_s=self._settings.ttl_s)
        rendered = self._allowed(log, await asyncio.to_thread(render, states, frontier, validity, settled))
        await self._step("rendered")
        secured = await self._secured(log, rendered)
        await self._step("secured")
        return await self._make_visible(frontier, secured, validity) if secured else 0

    async def _make_visible(
        self, frontier: Frontier, secured: Sequence[tuple[Rendered, Secured]], validity: Validity
    ) -> int | None:
        """Remember the head outside the database, then let the world see the lists: never the other way round."""
        stored = await asyncio.to_thread(finish, secured)
        head = frontier.head(validity.now)
        directory = self._settings.head_directory
        await asyncio.to_thread(head_file.advance, directory, frontier.log, head, seen=frontier.file_head)
        await self._step("head-written")
        if not await store(self._pool, frontier, stored, validity, lambda: self._step("uncommitted")):
            self.progress_of(frontier.log).lost_races += 1
            return None
        self._note_visible(frontier.log, [one.state.status_list_id for one in stored])
        await self._step("stored")
        return len(stored)

    async def _frontier(self, conn: Any, log: LogName) -> Frontier:
        progress = self.progress_of(log)
        try:
            frontier = await read_frontier(conn, log, self._settings.head_directory)
        except ForkedLog as error:
            if progress.halted != error.detail:
                _log.critical("publishing halted: %s", error.detail, extra={"log": log})
            progress.halted = error.detail
            raise
        if progress.halted is not None:
            _log.warning("publishing goes on, from position %d", frontier.position, extra={"log": log})
        progress.halted = None
        return frontier

    async def _secured(self, log: LogName, rendered: Sequence[Rendered]) -> list[tuple[Rendered, Secured]]:
        """Return each list's secured forms; a list that cannot be signed is refused alone."""
        answers = await asyncio.gather(*(self._secure(log, one.unsecured) for one in rendered), return_exceptions=True)
        secured = []
        for one, answer in zip(rendered, answers, strict=True):
            if isinstance(answer, Secured):
                secured.append((one, answer))
            else:
                why = answer.detail if isinstance(answer, RegistryError) else type(answer).__name__
                sentence = f"The list {one.state.url} could not be signed: {why}"
                self._refuse(log, Refusal(one.state.status_list_id, sentence))
        return secured

    def _allowed(self, log: LogName, rendered: Sequence[Rendered | Refusal]) -> list[Rendered]:
        allowed = []
        for one in rendered:
            if isinstance(one, Refusal):
                self._refuse(log, one)
            else:
                self.progress_of(log).kept_bits += len(one.kept)
                allowed.append(one)
        return allowed

    def _refuse(self, log: LogName, refusal: Refusal) -> None:
        self.progress_of(log).refused[refusal.status_list_id] = refusal.sentence
        _log.error("list not published: %s", refusal.sentence, extra={"log": log})

    def _note_visible(self, log: LogName, lists: Sequence[UUID]) -> None:
        progress, now = self.progress_of(log), self._clock()
        progress.published += len(lists)
        for one in lists:
            if since := progress.pending.pop(one, None):
                self._observe_visible(log, (now - since).total_seconds())
