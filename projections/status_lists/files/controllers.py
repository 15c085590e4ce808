"""The issuers' controller documents beside their lists, so that a verifier has the keys, too, when the service is away.

::

    <log>/issuers/<slug>/did.json
    <log>/issuers/.fresh/now-<unix seconds ÷ 100>      until then they are as good as the service's word
    <log>/issuers/.fresh/away-<unix seconds ÷ 1000>    until then they are told when the service does not answer

A document has no validity of its own, and one of yesterday may name a key that was compromised since. So the marks
say for how long after the last comparison with the directory it may be told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic

import orjson
from asyncpg import Pool, Record

from projections.issuer_directory.controller import Controller, controllers, heads
from projections.issuer_directory.view import Reader
from projections.status_lists.files.directory import Directory
from projections.status_lists.files.disk import folder, names_in, told, write_synced
from projections.status_lists.files.publish import FilesProgress
from projections.status_lists.files.target import TargetFailed
from registry.domain.names import LogName
from registry.errors import Malformed

ISSUERS, DOCUMENT, FRESH = "issuers", "did.json", ".fresh"
PAGE = 500
NOW_S, AWAY_S = 100, 1000
"""How long a mark holds: nginx can cut digits off the time, but not compare it."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """What is known of a log's documents."""

    position: int
    """Of the last event about an issuer that the files show."""
    next_round: float


@dataclass
class ControllerFiles:
    """Keeps the documents of all logs in a directory; several processes may.

    *validity_s*: how long a list is valid, and for how long a document is told while nobody can compare it; *check_s*:
    in how many seconds all of them are compared; *clock* tells the time (UTC).
    """

    pool: Pool[Record]
    target: Directory
    clock: Callable[[], datetime]
    validity_s: float
    check_s: float = 600
    now_s: Callable[[], float] = monotonic
    progress: FilesProgress = field(default_factory=FilesProgress)
    _known: dict[LogName, _Known] = field(default_factory=dict)

    async def step(self) -> bool:
        """Write what changed, and say for how long all of it may be told; return False: nothing more waits.

        Raises `TargetFailed`, `NotYetVisible`, or what asyncpg raises.
        """
        now = self.clock()  # before anything is read: marks may only say what is surely so
        for log, position in (await heads(self.pool)).items():
            try:
                await self._follow(log, position)
            except TargetFailed:
                await asyncio.to_thread(_mark, self._folder(log), [])  # at once: it may be a key that was compromised
                raise
            await asyncio.to_thread(_mark, self._folder(log), [*marks(now, self.validity_s)])
        return False

    async def _follow(self, log: LogName, position: int) -> None:
        known = self._known.get(log)
        if known is None or position < known.position:  # at the start, and when a database was restored
            await self._keep(log, since=0)
        elif self.now_s() >= known.next_round:
            await self._keep(log, since=0, repaired_up_to=known.position)
        elif position > known.position:
            await self._keep(log, since=known.position)
            known.position = position
            return
        else:
            return
        self._known[log] = _Known(position, self.now_s() + self.check_s)

    async def compare_all(self, *, repairing: bool) -> list[str]:
        """Return a sentence for each document that is not as it should be; those are written if *repairing*."""
        return [
            f"{log}: {sentence}"
            for log in await heads(self.pool)
            for sentence in await self._keep(log, since=0, writing=repairing)
        ]

    async def _keep(self, log: LogName, *, since: int, repaired_up_to: int = 0, writing: bool = True) -> list[str]:
        """Make what changed after the position *since* as it should be (0: everything); return what was otherwise.

        What has not changed after *repaired_up_to* was harmed by somebody: that is told.
        """
        async with self.target.turn(log):  # read inside: never older than what another process wrote before
            wanted = await self._read(log, since)
            settle = partial(_settle, self._folder(log), wanted, is_all=since == 0, writing=writing)
            found = await asyncio.to_thread(settle, int(self.clock().timestamp()))
        if writing:
            self.progress.written += len(found)
        for one in wanted:
            if one.slug in found and one.position <= repaired_up_to:
                self.progress.repaired += 1
                _log.warning("a controller document is repaired: %s", found[one.slug])
        return list(found.values())

    async def _read(self, log: LogName, since: int) -> list[Controller]:
        every: list[Controller] = []
        while page := await controllers(self.pool, log, since=since, after=every[-1].slug if every else "", limit=PAGE):
            every += page
        return every

    def _folder(self, log: LogName) -> Path:
        return self.target.of(log) / ISSUERS


async def documents_behind(conn: Reader, target: Directory, log: LogName, *, until: float) -> list[str]:
    """Return a sentence for each document that is not as it should be; look no longer than *until* (monotonic).

    Changes nothing, and holds up nobody. Raises `TargetFailed`, `NotYetVisible`, or what asyncpg raises.
    """
    late: list[str] = []
    issuers, after = target.of(log) / ISSUERS, ""
    while page := await controllers(conn, log, since=0, after=after, limit=PAGE):
        found = await asyncio.to_thread(_settle, issuers, page, 0, is_all=False, writing=False)
        late += [f"{log}: {sentence}" for sentence in found.values()]
        if monotonic() >= until:
            break
        after = page[-1].slug
    return late


def marks(now: datetime, validity_s: float) -> Iterator[str]:
    """Yield the marks of documents that were as they should be at *now*."""
    second = int(now.timestamp())
    first = second // NOW_S
    yield from (f"now-{mark}" for mark in range(first - 1, first + 2))  # one before: clocks differ
    yield from (f"away-{mark}" for mark in range(second // AWAY_S - 1, int(second + validity_s) // AWAY_S))


def _settle(
    issuers: Path, wanted: Sequence[Controller], modified: int, *, is_all: bool, writing: bool
) -> dict[str, str]:
    """Return by slug what is not as it should be; mend it if *writing*. *is_all*: there are no other issuers."""
    found: dict[str, str] = {}
    with told():
        for one in wanted:
            if sentence := _settle_one(issuers, one, modified, writing=writing):
                found[one.slug] = sentence
        strangers = names_in(issuers) - {FRESH} - {one.slug for one in wanted} if is_all else set()
        for name in strangers:
            path = issuers / name / DOCUMENT
            if path.exists():
                found[name] = f"{path} is of no issuer"
                if writing:
                    path.unlink()
    return found


def _settle_one(issuers: Path, one: Controller, modified: int, *, writing: bool) -> str | None:
    path = issuers / one.slug / DOCUMENT
    content, there = _wanted(one), _content(path)
    if there == content:
        return None
    if writing:
        if content is None:
            path.unlink()
        else:
            _replace(path, content, modified)
    return f"{path} " + ("is missing" if there is None else "is not what the directory says")


def _wanted(one: Controller) -> bytes | None:
    try:
        document = one.document()
    except (Malformed, ValueError):
        return None  # one issuer's odd key must not keep others from theirs; what it means, the service says
    return None if document is None else orjson.dumps(document)


def _replace(path: Path, content: bytes, modified: int) -> None:
    """Write *path* at once, and with a later time than before: of time and size nginx makes the entity tag."""
    folder(path.parent)
    before = int(path.stat().st_mtime) if path.exists() else 0
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    write_synced(beside, content, max(modified, before + 1))
    beside.replace(path)


def _content(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _mark(issuers: Path, names: Sequence[str]) -> None:
    """Let there be these marks and no others."""
    fresh = issuers / FRESH
    there = names_in(fresh)
    with told():
        folder(fresh)
        for name in names:
            if name not in there:
                (fresh / name).touch()
                (fresh / name).chmod(0o644)
        for name in there.difference(names):
            (fresh / name).unlink(missing_ok=True)
