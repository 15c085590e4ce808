"""Keeping files as the lists are published: what is new is written, what was removed or corrupted is repaired.

A notification is a hint, polling the guarantee. What cannot be written stays pending, is told, and tried again; in the
meantime a directory has no marks of such a list, so that nginx asks the service, which knows what is new. An object
store goes on with the version before.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from time import monotonic
from uuid import UUID

import asyncpg
from asyncpg import Pool

from projections.status_lists.files.layout import ListFiles, list_files
from projections.status_lists.files.target import Fault, Overtaken, Target, TargetFailed
from projections.status_lists.queries import sql
from registry.domain.names import LogName

BATCH = 50
"""Lists written in one turn."""
SLICE = 200
"""Lists compared in one step of a round."""
ATTEMPTS = 5
"""How often a list that another process writes at the same time is written by hand."""
_FIRST = UUID(int=0)

_COUNT = sql("count_published")
_HEADS = sql("read_heads")
_SINCE = sql("read_files_since")
_NAMES = sql("read_file_names")
_FILES = sql("read_files")
_UNPUBLISHED = sql("read_unpublished")
_log = logging.getLogger(__name__)

Key = tuple[LogName, UUID]


@dataclass(slots=True)
class FilesProgress:
    """How publishing files stands, for metrics."""

    written: int = 0
    repaired: int = 0
    failures: int = 0
    pending: dict[Key, datetime] = field(default_factory=dict)
    """Lists whose files are not up to date, and when what is missing was published."""
    trouble: str | None = None
    """Why nothing could be written last; None: it could."""

    def oldest_s(self, now: datetime) -> float:
        """Return for how long (seconds) the oldest publication has not been in the files."""
        return max((max(0.0, (now - since).total_seconds()) for since in self.pending.values()), default=0.0)


class FilePublisher:
    """Publishes the lists of all logs to one target.

    *check_s*: in how many seconds every file is compared once; *clock* tells the time (UTC).
    """

    def __init__(
        self,
        pool: Pool[asyncpg.Record],
        target: Target,
        *,
        clock: Callable[[], datetime],
        check_s: float = 600,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self.progress = FilesProgress()
        self._pool = pool
        self._target = target
        self._clock = clock
        self._check_s = check_s
        self._now_s = now_s
        self._seen: dict[LogName, int] = {}
        self._put_off: dict[Key, None] = {}
        """Of what is pending, what could not be written; whatever waited longest for another attempt comes first."""
        self._round: AsyncIterator[int] | None = None
        self._next_slice = self._round_began = 0.0
        self._known = 0
        self._is_first = True
        """The first round goes without a pause: it finds what was missed while no process ran."""

    @property
    def target(self) -> Target:
        """Where to."""
        return self._target

    async def step(self) -> bool:
        """Write what is pending, then compare a slice if its time has come; return whether more waits to be done now.

        Raises `TargetFailed`, or what asyncpg raises.
        """
        await self._learn()
        failure = await self._write(batch := self._next())
        if failure is not None:
            await self._target.withdraw([*(self.progress.pending if self._may_pause(batch) else self._put_off)])
        is_over = await self._compare() if self._now_s() >= self._next_slice else True
        if failure is not None and self._may_pause(batch):
            raise failure
        return bool(self.progress.pending) or not is_over

    async def compare_all(self, told: Callable[[int, int], None]) -> list[tuple[LogName, Fault]]:
        """Return every list whose files are not as published; changes nothing. *told* hears (compared, of how many)."""
        found: list[tuple[LogName, Fault]] = []
        compared = 0
        heads = await self._heads()
        total = sum([await self._pool.fetchval(_COUNT, log) for log, _ in heads])
        for log, _ in heads:
            async for slice_ in self._slices(log):
                found += [(log, fault) for fault in await self._target.check(slice_, deeply=True)]
                compared += len(slice_)
                told(compared, total)
            gone = await self._unpublished(log, await self._target.lists(log))
            found += [(log, Fault(one, "is not published")) for one in gone]
        return found

    async def repair(self, found: Sequence[tuple[LogName, Fault]]) -> None:
        """Write the files of the lists in *found*; if one could not be, raise why, after all others."""
        wanted = [(log, fault.status_list_id) for log, fault in found]
        self.progress.pending.update(dict.fromkeys(wanted, self._clock()))
        failures: list[Exception | None] = []
        for _ in range(ATTEMPTS):
            failures += [await self._write(wanted[first : first + BATCH]) for first in range(0, len(wanted), BATCH)]
            wanted = [key for key in self.progress.pending if key not in self._put_off]
        if self.progress.pending:
            overtaken = TargetFailed("Another process changes the same lists all the time; try again.")
            raise next((failure for failure in failures if failure is not None), overtaken)

    async def _heads(self) -> list[tuple[LogName, int]]:
        return [(LogName(name), sequence) for name, sequence in await self._pool.fetch(_HEADS)]

    async def _learn(self) -> None:
        """Note what was published since the last look; a log that went back (a restored database) is compared anew."""
        for log, sequence in await self._heads():
            seen = self._seen.get(log)
            if seen is None or sequence < seen:
                self._round, self._is_first, self._next_slice = None, True, 0.0
            elif sequence > seen:
                for status_list_id, published_at in await self._pool.fetch(_SINCE, log, seen):
                    self.progress.pending.setdefault((log, status_list_id), published_at)
            self._seen[log] = sequence

    def _may_pause(self, tried: Sequence[Key]) -> bool:
        """Whether a pause keeps nobody waiting that could be written: nothing of *tried* was, or nothing else waits."""
        return self._put_off.keys() >= {*tried} or len(self._put_off) == len(self.progress.pending)

    def _next(self) -> list[Key]:
        """Return what to write now: what could not be written comes behind everything else."""
        others = (key for key in self.progress.pending if key not in self._put_off)
        return list(islice(chain(others, self._put_off), BATCH))

    async def _write(self, wanted: Sequence[Key]) -> Exception | None:
        """Write the files of *wanted*; put off what cannot be written, and return why; None: everything could."""
        failure = None
        for log in {log for log, _ in wanted}:
            ids = [status_list_id for other, status_list_id in wanted if other == log]
            refused = await self._write_of(log, ids)
            for key in ((log, status_list_id) for status_list_id in ids):
                reason = refused.get(key[1])
                if isinstance(reason, Overtaken):
                    continue  # still pending: read anew in a moment
                self._put_off.pop(key, None)
                if reason is None:
                    self.progress.pending.pop(key, None)
                else:
                    self.progress.pending.setdefault(key, self._clock())
                    self._put_off[key] = None
                    failure = failure or reason
        return failure

    async def _write_of(self, log: LogName, ids: Sequence[UUID]) -> dict[UUID, Exception]:
        """Write the files of some lists of *log*; return which could not be written, and why."""
        try:
            async with self._target.turn(log):
                # read inside the turn: what is written is never older than what another process wrote before
                lists = list(list_files(log, await self._pool.fetch(_FILES, log, ids)))
                gone = await self._unpublished(log, {*ids}.difference(one.status_list_id for one in lists))
                done = [*await self._target.write(lists), *await self._target.remove(log, gone)]
        except TargetFailed as error:
            return dict.fromkeys(ids, error)
        self.progress.written += sum(one for one in done if isinstance(one, int))
        told = zip([*(one.status_list_id for one in lists), *gone], done, strict=True)
        return {status_list_id: reason for status_list_id, reason in told if isinstance(reason, Exception)}

    async def _unpublished(self, log: LogName, lists: Collection[UUID]) -> list[UUID]:
        """Return which of *lists* are not published: a restored database may know less than the files."""
        return [row[0] for row in await self._pool.fetch(_UNPUBLISHED, log, [*lists])] if lists else []

    async def _compare(self) -> bool:
        """Compare the next slice and note what must be repaired; return whether the round is over."""
        if self._round is None:
            self._round, self._round_began = self._compared(), self._now_s()
        try:
            count = await anext(self._round)
        except StopAsyncIteration:
            self._round, self._is_first = None, False
            self._next_slice = self._round_began + self._check_s
            return True
        except BaseException:
            self._round = None  # a generator that raised is at its end
            raise
        self._next_slice = self._now_s() + (0 if self._is_first else self._pause_s(count))
        return not self._is_first

    def _pause_s(self, count: int) -> float:
        """Return how long to rest after *count* lists: rounds of many lists are spread over the time they have."""
        return self._check_s * count / max(self._known, count) / 2

    async def _compared(self) -> AsyncIterator[int]:
        """Compare everything, a slice at a time; yield how many lists a slice had."""
        heads = await self._heads()
        self._known = sum([await self._pool.fetchval(_COUNT, log) for log, _ in heads])
        for log, _ in heads:
            async for slice_ in self._slices(log):
                published = {one.status_list_id: one for one in slice_}
                for fault in await self._target.check(slice_, deeply=True):
                    self._note(published[fault.status_list_id], fault)
                yield len(slice_)
            for gone in await self._unpublished(log, await self._target.lists(log)):
                _log.warning("the files of list %s are removed: it is not published", gone)
                self.progress.pending.setdefault((log, gone), self._clock())

    def _note(self, one: ListFiles, fault: Fault) -> None:
        """Note what must be written; a file that was in order before is a repair, and somebody's business."""
        key = (one.log, one.status_list_id)
        is_news = self._is_first or one.sequence > self._seen.get(one.log, 0)
        if key in self.progress.pending:
            return
        self.progress.pending[key] = one.published_at if is_news else self._clock()
        if not is_news:
            self.progress.repaired += 1
            _log.warning("the files of list %s are repaired: %s", one.status_list_id, fault.sentence)

    async def _slices(self, log: LogName) -> AsyncIterator[list[ListFiles]]:
        after = _FIRST
        while slice_ := list(list_files(log, await self._pool.fetch(_NAMES, log, after, SLICE))):
            yield slice_
            after = slice_[-1].status_list_id
