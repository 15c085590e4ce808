"""Where files are published to: a directory or an object store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
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


class Target(Protocol):
    """A place for files. Every method may raise `TargetFailed`."""

    @property
    def name(self) -> str:
        """How a person knows it; without secrets."""

    def turn(self, log: LogName) -> AbstractAsyncContextManager[None]:
        """Hold this open while reading what is published and writing it: so a slow process never writes the past."""

    async def write(self, lists: Sequence[ListFiles]) -> int:
        """Make *lists* visible, each at once; return how many files were written. May raise `Overtaken`."""

    async def check(self, lists: Sequence[ListFiles], *, deeply: bool) -> list[Fault]:
        """Return which of *lists* (names only) are missing, of another publication, or (*deeply*) of other bytes."""
