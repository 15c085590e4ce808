"""Files in a directory: written beside, synced, and made visible by the rename of one link per list.

A file never changes: whoever opened one reads the version that it belongs to, whatever is published meanwhile. The
version before stays until the next one, for readers that are between two steps.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from projections.status_lists.files.disk import digest, folder, names_in, told, write_synced
from projections.status_lists.files.layout import ListFiles
from projections.status_lists.files.target import Fault, TargetFailed, ids_in, told_apart
from registry.domain.names import LogName

LISTS, VERSIONS, FRESH = "status-lists", "versions", "fresh"
STAMPS = 16
"""Modification times that a version has room for; ten files is the most."""
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""From here on sixteen stamps a second last longer than a file system's years do."""
LOCK_S = 0.02
"""How often a lock that another process holds is tried."""
PATIENCE_S = 30.0
"""For how long a lock is waited for. Whoever holds it writes the files of at most `BATCH` lists."""
_THREADS = 4
"""That wait for the disk."""
T = TypeVar("T")


class Directory:
    """A directory that a web server reads; several processes may publish to it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads = ThreadPoolExecutor(_THREADS, "files")

    @property
    def name(self) -> str:
        """The path."""
        return str(self._root)

    def of(self, log: LogName) -> Path:
        """Return where the files of *log* lie."""
        return self._root / log

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)

    @asynccontextmanager
    async def turn(self, log: LogName) -> AsyncIterator[None]:
        """Hold the lock file of *log*; the kernel releases it when a process dies.

        Raises `TargetFailed` also when it cannot be had: whoever holds it may be stuck, or the disk may not answer.
        """
        lock = self._root / log / ".lock"
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (handle := await self._tried(lock)) is None:  # noqa: ASYNC110  # the kernel does not tell
                    await asyncio.sleep(LOCK_S)
        except TimeoutError:
            raise TargetFailed(f"Another process holds it, or the disk does not answer ({lock}).") from None
        try:
            yield
        finally:
            os.close(handle)

    async def _tried(self, lock: Path) -> int | None:
        """Return what holds *lock* until it is closed; None: another one has it."""
        trying = asyncio.get_running_loop().run_in_executor(self._threads, _try, lock)
        try:
            return await asyncio.shield(trying)
        except asyncio.CancelledError:
            trying.add_done_callback(_let_go)
            raise

    async def write(self, lists: Sequence[ListFiles]) -> list[int | Exception]:
        """Write the files of *lists*, a list at a time in each thread."""
        loop = asyncio.get_running_loop()
        return told_apart(await _ended([loop.run_in_executor(self._threads, self._write, one) for one in lists]))

    async def lists(self, log: LogName) -> set[UUID]:
        """Return of which lists there is a link, or a version."""
        folders = [self._root / log / LISTS, self._root / log / VERSIONS]
        loop = asyncio.get_running_loop()
        return ids_in(set().union(*[await loop.run_in_executor(self._threads, names_in, one) for one in folders]))

    async def remove(self, log: LogName, lists: Sequence[UUID]) -> list[int | Exception]:
        """Remove links, then versions."""
        loop = asyncio.get_running_loop()
        return told_apart(await _ended([loop.run_in_executor(self._threads, self._remove, log, one) for one in lists]))

    async def withdraw(self, lists: Iterable[tuple[LogName, UUID]]) -> None:
        """Take away the marks of *lists*, so that the service is asked; they come back with the next version.

        Also beside another process: whose marks are taken by mistake, writes them again.
        """
        fresh = [self._link_of(log, status_list_id) / FRESH for log, status_list_id in lists]
        removing = asyncio.get_running_loop().run_in_executor(self._threads, _take_away, fresh)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.shield(removing)

    async def check(self, lists: Sequence[ListFiles], *, deeply: bool) -> list[Fault]:
        """Compare names, which is cheap; *deeply*: also digest every file."""
        loop = asyncio.get_running_loop()
        looked = [loop.run_in_executor(self._threads, self._fault, one, deeply) for one in lists]
        return [fault for fault in await _all(looked) if fault is not None]

    def _write(self, one: ListFiles) -> int:
        with told():
            if self._fault(one, True) is None:
                return 0  # another process was here
            link, version = self._link(one), self._version(one)
            before = _leads_to(link)
            stamp = max(_stamp(one), _last_stamp(link) + STAMPS)
            if version.exists():
                shutil.rmtree(_aside(version))
            _fill(version, one, stamp)
            folder(link.parent)
            _move_link(link, _target(one))
            _tidy(version.parent, {version.name, Path(before or version.name).name})
        return len(one.files)

    def _remove(self, log: LogName, status_list_id: UUID) -> int:
        link = self._link_of(log, status_list_id)
        with told():
            if link.is_dir() and not link.is_symlink():
                shutil.rmtree(link)
            link.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                shutil.rmtree(self._root / log / VERSIONS / str(status_list_id))
        return 0

    def _fault(self, one: ListFiles, deeply: bool) -> Fault | None:
        link = self._link(one)
        with told():
            if (found := _leads_to(link)) != _target(one):
                return Fault(one.status_list_id, "is missing" if found is None else "is of another publication")
            for file in one.files if deeply else ():
                if digest(link / file.name) != file.etag:
                    return Fault(one.status_list_id, f"{file.name} is missing, or has other bytes than were signed")
            if deeply and {*one.fresh} != names_in(link / FRESH):
                return Fault(one.status_list_id, f"{FRESH} has other marks than those of its validity")
        return None

    def _link(self, one: ListFiles) -> Path:
        return self._link_of(one.log, one.status_list_id)

    def _link_of(self, log: LogName, status_list_id: UUID) -> Path:
        return self._root / log / LISTS / str(status_list_id)

    def _version(self, one: ListFiles) -> Path:
        return self._root / one.log / VERSIONS / str(one.status_list_id) / one.version


def _target(one: ListFiles) -> str:
    return f"../{VERSIONS}/{one.status_list_id}/{one.version}"


def _stamp(one: ListFiles) -> int:
    """Return a modification time of *one* that leaves room for one of each of its files."""
    return int((one.published_at - _EPOCH).total_seconds()) * STAMPS


def _last_stamp(link: Path) -> int:
    """Return the greatest modification time of the version there is; 0: there is none."""
    with suppress(OSError):
        return max((int(file.stat().st_mtime) for file in link.iterdir() if file.is_file()), default=0)
    return 0


def _fill(version: Path, one: ListFiles, stamp: int) -> None:
    """Make the directory *version*, whole or not at all.

    Each file has a modification time of its own, later than any before: of that and the size nginx makes the entity
    tag, and no two versions, forms or codings of a list may share one.
    """
    folder(version.parent)
    beside = version.with_name(f".{version.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    folder(beside)
    for place, file in enumerate(one.files):
        assert file.content is not None, "the bytes were read"
        write_synced(beside / file.name, file.content, stamp + place)
    folder(beside / FRESH)
    first: Path | None = None
    for mark in one.fresh:
        path = beside / FRESH / mark
        if first is None:
            first = path
            path.touch()
            path.chmod(0o644)
        else:
            path.hardlink_to(first)  # one inode for all of them
    beside.rename(version)


def _move_link(link: Path, target: str) -> None:
    """Let *link* lead to *target*, at once; what else lies there goes."""
    beside = link.with_name(f".{link.name}.new")
    with suppress(FileNotFoundError):
        beside.unlink()
    beside.symlink_to(target)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    beside.replace(link)


def _tidy(versions: Path, kept: set[str]) -> None:
    for old in versions.iterdir():
        if old.name not in kept:
            shutil.rmtree(old, ignore_errors=True)


def _take_away(folders: Sequence[Path]) -> None:
    for one in folders:
        shutil.rmtree(one, ignore_errors=True)


def _aside(version: Path) -> Path:
    """Move a version that is not whole out of the way."""
    away = version.with_name(f".{version.name}.old")
    shutil.rmtree(away, ignore_errors=True)
    version.rename(away)
    return away


def _leads_to(link: Path) -> str | None:
    try:
        return os.readlink(link)  # noqa: PTH115  # a Path would lose the "../"s that are compared
    except OSError:
        return None


def _try(lock: Path) -> int | None:
    with told():
        folder(lock.parent)
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
    return handle


def _let_go(tried: asyncio.Future[int | None]) -> None:
    """Close what was opened for one who no longer waits for it."""
    if not tried.cancelled() and tried.exception() is None and (handle := tried.result()) is not None:
        os.close(handle)


async def _all(futures: Sequence[asyncio.Future[T]]) -> list[T]:
    """Return all results; the first failure is raised when all have ended."""
    done: list[T] = []
    for one in await _ended(futures):
        if isinstance(one, BaseException):
            raise one
        done.append(one)
    return done


async def _ended(futures: Sequence[asyncio.Future[T]]) -> list[T | BaseException]:
    """Return every result or failure when all have ended, for the lock must outlast them."""
    ending = asyncio.gather(*futures, return_exceptions=True)
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise
