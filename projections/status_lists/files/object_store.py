"""Files in an object store (S3-compatible, Google, Azure) through `obstore`; each object carries its own headers.

::

    <prefix>/<log>/status-lists/<list>            the default form, uncompressed: the list's address resolves by itself
    <prefix>/<log>/status-lists/<list>/vc.json    every form, and beside it `.gz` with its Content-Encoding

An object appears whole. It is replaced only in the version that was seen before the lists were read (If-Match), so
that a slow process never writes the past over what another one wrote; the store says who was first.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from projections.status_lists.files.layout import GZIP, SUFFIXES, FormFile, ListFiles
from projections.status_lists.files.target import Fault, Overtaken, TargetFailed, ids_in, told_apart
from registry.domain.names import LogName
from registry.errors import SettingsRefused

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES: Final = ("s3", "gs", "az", "memory")
AT_ONCE: Final = 16
"""Requests under way at the same time."""
LISTS: Final = "status-lists"
_NAMES: Final = tuple(suffix + coding for suffix in SUFFIXES.values() for coding in ("", GZIP))
_RETRY_FOR: Final = timedelta(seconds=20)


def open_store(url: str) -> ObjectStore:
    """Return the store at *url*; raise `SettingsRefused`, also where the package is not installed.

    Credentials and endpoint come from the environment, by the names that each provider's own tools use.
    """
    try:
        from obstore.store import MemoryStore, from_url
    except ImportError:
        raise SettingsRefused(
            f"REGISTRY_FILES: {urlsplit(url).scheme}:// needs the package obstore; install credential-registry with "
            "the extra [object-store]."
        ) from None
    if url.startswith("memory:"):
        return MemoryStore()
    try:
        store: ObjectStore = from_url(url, retry_config={"max_retries": 2, "retry_timeout": _RETRY_FOR})
    except Exception as error:
        raise SettingsRefused(f"REGISTRY_FILES: {_sentence(error)}") from error
    return store


class Objects:
    """An object store; of several processes the one that leads publishes to it."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name
        self._seen: dict[str, Seen] = {}
        """The version of each object as it was put or read last, and whether it was in order."""
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def name(self) -> str:
        """The URL."""
        return self._name

    @asynccontextmanager
    async def turn(self, log: LogName) -> AsyncIterator[None]:
        """Nothing is held: what is put replaces only what was seen before the turn began."""
        yield

    async def write(self, lists: Sequence[ListFiles]) -> list[int | Exception]:
        """Put the objects of *lists*; `Overtaken` is one that another process changed since it was seen."""
        return told_apart(await asyncio.gather(*map(self._write, lists), return_exceptions=True))

    async def lists(self, log: LogName) -> set[UUID]:
        """Return what has an object, or objects below it."""
        import obstore

        with _told():
            there = await obstore.list_with_delimiter_async(self._store, f"{log}/{LISTS}")
        paths = [*there["common_prefixes"], *(meta["path"] for meta in there["objects"])]
        return ids_in(path.rstrip("/").rpartition("/")[2] for path in paths)

    async def remove(self, log: LogName, lists: Sequence[UUID]) -> list[int | Exception]:
        """Delete every object that a list may have."""
        return told_apart(await asyncio.gather(*(self._delete(log, one) for one in lists), return_exceptions=True))

    async def withdraw(self, lists: Iterable[tuple[LogName, UUID]]) -> None:
        """Do nothing: the version before is signed and valid, and a store has nobody behind it to ask instead."""

    async def check(self, lists: Sequence[ListFiles], *, deeply: bool) -> list[Fault]:
        """Compare versions where they are known to be in order; else (*deeply*) bytes and headers."""
        with _told():
            there = await self._listed(lists)
        faults = await asyncio.gather(*(self._fault(one, there, deeply) for one in lists))
        return [fault for fault in faults if fault is not None]

    async def _write(self, one: ListFiles) -> int:
        puts = [self._put(one, path, file) for path, file in objects(one)]
        for failure in await asyncio.gather(*puts, return_exceptions=True):  # all have ended before one is told
            if failure is not None:
                raise failure
        await asyncio.gather(*(self._remove(path) for path in _strangers(one) if path in self._seen))
        return len(puts)

    async def _put(self, one: ListFiles, path: str, file: FormFile) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        assert file.content is not None, "the bytes were read"
        seen = self._seen.get(path)
        try:
            async with self._turns:
                with _told():
                    put = await obstore.put_async(
                        self._store, path, file.content, attributes=_attributes(one, file),
                        mode="create" if seen is None else seen.update(), use_multipart=False,
                    )  # fmt: skip
        except (AlreadyExistsError, PreconditionError) as error:
            await self._look(path)
            raise Overtaken from error
        self._seen[path] = Seen(put["e_tag"], put["version"], file.etag)

    async def _look(self, path: str) -> None:
        """Learn which version is there now; what is read of the lists after this may replace it."""
        import obstore

        self._seen.pop(path, None)
        with suppress(FileNotFoundError):
            async with self._turns:
                with _told():
                    meta = await obstore.head_async(self._store, path)
            self._seen[path] = Seen(meta["e_tag"], meta["version"], None)

    async def _delete(self, log: LogName, status_list_id: UUID) -> int:
        path = _path_of(log, status_list_id)
        await asyncio.gather(*(self._remove(one) for one in (path, *(f"{path}/{name}" for name in _NAMES))))
        return 0

    async def _remove(self, path: str) -> None:
        import obstore

        async with self._turns:
            with suppress(FileNotFoundError), _told():
                await obstore.delete_async(self._store, path)
        self._seen.pop(path, None)

    async def _listed(self, lists: Sequence[ListFiles]) -> dict[str, Any]:
        """Return what the store has of *lists*, which are in the order of their ids: a page of a thousand a request."""
        import obstore

        first, last = _path(lists[0]), _path(lists[-1])
        there = {}
        async for page in obstore.list(self._store, first.rpartition("/")[0], offset=first[:-1]):
            there.update({meta["path"]: meta for meta in page})
            if page and page[-1]["path"] > f"{last}0":  # behind everything that begins with "<last>/"
                break
        return there

    async def _fault(self, one: ListFiles, there: dict[str, Any], deeply: bool) -> Fault | None:
        for path, file in objects(one):
            meta = there.get(path)
            if meta is None:
                self._seen.pop(path, None)
                return Fault(one.status_list_id, f"{file.name} is missing")
            seen = self._seen.get(path)
            if seen is not None and seen.e_tag == meta["e_tag"] and seen.digest == file.etag:
                continue
            self._seen[path] = Seen(meta["e_tag"], meta.get("version"), None)
            if deeply and not await self._is_as_published(one, path, file):
                return Fault(one.status_list_id, f"{file.name} is of another version, or has other bytes or headers")
        return None

    async def _is_as_published(self, one: ListFiles, path: str, file: FormFile) -> bool:
        import obstore

        try:
            async with self._turns:
                with _told():
                    got = await obstore.get_async(self._store, path)
                    content = bytes(await got.bytes_async())
        except FileNotFoundError:
            self._seen.pop(path, None)
            return False
        wanted = _attributes(one, file)
        has_headers = all(got.attributes.get(name) == value for name, value in wanted.items())
        is_it = hashlib.sha256(content).hexdigest() == file.etag and has_headers
        self._seen[path] = Seen(got.meta["e_tag"], got.meta["version"], file.etag if is_it else None)
        return is_it


@dataclass(frozen=True, slots=True)
class Seen:
    """A version of an object, and the digest that it was found to have; None: not looked at, or wrong."""

    e_tag: str | None
    version: str | None
    digest: str | None

    def update(self) -> Any:
        """Return the mode of a put that replaces this version only."""
        return {name: value for name, value in (("e_tag", self.e_tag), ("version", self.version)) if value is not None}


def objects(one: ListFiles) -> Iterator[tuple[str, FormFile]]:
    """Yield every object of a list by its path: the address of the list itself, then each form in each coding."""
    path = _path(one)
    yield path, one.files[0]
    for file in one.files:
        yield f"{path}/{file.name}", file


def _path(one: ListFiles) -> str:
    return _path_of(one.log, one.status_list_id)


def _path_of(log: LogName, status_list_id: UUID) -> str:
    return f"{log}/{LISTS}/{status_list_id}"


def _strangers(one: ListFiles) -> Iterator[str]:
    """Yield where forms would lie that the list does not have, or no longer."""
    names = {file.name for file in one.files}
    yield from (f"{_path(one)}/{name}" for name in _NAMES if name not in names)


def _attributes(one: ListFiles, file: FormFile) -> dict[str, str]:
    coding = {"Content-Encoding": "gzip"} if file.is_gzip else {}
    return {"Content-Type": file.media_type, "Cache-Control": one.cache_control, **coding}


@contextmanager
def _told() -> Iterator[None]:
    """Raise `TargetFailed` for what the store refuses, or where it is away; what concerns one version passes."""
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

    try:
        yield
    except (AlreadyExistsError, PreconditionError, FileNotFoundError):
        raise
    except (BaseError, OSError, ValueError) as error:
        raise TargetFailed(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    """The first line of what the store says: the rest is for whoever debugs the library."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
