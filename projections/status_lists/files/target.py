"""Where files are published to: a directory or an object store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from projections.status_lists.files.layout import ListFiles
from registry.domain.names import LogName


@dataclass(frozen=True, slots=True)
class Fault:
    """A list whose files are not as they were published."""

    status_list_id: UUID
    sentence: str


class TargetFailed(Exception):
    """Nothing can be written or read there for now: a full disk, a store that is away. The sentence says why."""


class Overtaken(Exception):
    """Another process wrote in the meantime; what is true now must be read again."""


def told_apart(done: Sequence[int | BaseException]) -> list[int | Exception]:
    """Return results and failures as they are; raise what is none of one list's: that the process is to end."""
    apart: list[int | Exception] = []
    for one in done:
        if not isinstance(one, (int, Exception)):
            raise one
        apart.append(one)
    return apart


def ids_in(names: Iterable[str]) -> set[UUID]:
    """Return which lists these are names of."""
    found: set[UUID] = set()
    for name in names:
        with suppress(ValueError):
            if str(one := UUID(name)) == name:
                found.add(one)
    return found


class Target(Protocol):
    """A place for files. Every method may raise `TargetFailed`."""

    @property
    def name(self) -> str:
        """How a person knows it; without secrets."""

    def turn(self, log: LogName) -> AbstractAsyncContextManager[None]:
        """Hold this open while reading what is published and writing it: so a slow process never writes the past."""

    async def write(self, lists: Sequence[ListFiles]) -> list[int | Exception]:
        """Make *lists* visible, each at once; return for each how many files were written, or why it was not.

        That is `TargetFailed`, `Overtaken`, or what nobody thought of: one list's trouble is none of the others'.
        """

    async def lists(self, log: LogName) -> set[UUID]:
        """Return of which lists of *log* anything lies there."""

    async def remove(self, log: LogName, lists: Sequence[UUID]) -> list[int | Exception]:
        """Remove whatever lies there of *lists*; return for each 0, or why that could not be done."""

    async def withdraw(self, lists: Iterable[tuple[LogName, UUID]]) -> None:
        """Let what lies there of *lists* be told no longer, as far as that is possible; raises nothing."""

    async def check(self, lists: Sequence[ListFiles], *, deeply: bool) -> list[Fault]:
        """Return which of *lists* (names only) are missing, of another publication, or (*deeply*) of other bytes."""
