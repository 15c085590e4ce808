"""What a plan is: the streams a command reads, and its decision over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from registry.domain.events import AnyEvent, ListMember
from registry.domain.names import IssuerId, ListSetId, LogName, Stream
from registry.domain.status_list import ListSet
from registry.log.draft import Fact, View
from registry.log.sequencer import Decision

Answer = dict[str, Any]


class Plan(Struct, frozen=True):
    """What the sequencer needs of a command."""

    reads: tuple[Stream, ...]
    decide: Callable[[View], Decision]
    queue: str
    begins: frozenset[Stream] = frozenset()
    """Those of `reads` that will most likely be empty, and get their first fact."""
    weight: int = 1
    """About how many facts it records."""


class Ready(Protocol):
    """The sets whose lists can be fetched, with their permutations."""

    def index(self, set_id: ListSetId, number: int) -> int:
        """Return the index of the *number*-th allocation; raise `ListsNotReady` for a set that is not ready."""

    def usable(self, one: ListSet) -> tuple[ListMember, ...]:
        """Return the lists of *one* that can be fetched; raise `ListsNotReady` when that must be looked up first."""

    def want_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """Note that the issuer's next set should be opened."""


def facts(stream: Stream, events: Sequence[AnyEvent]) -> list[Fact]:
    """Return *events* on their way into *stream*."""
    return [Fact(stream, event) for event in events]
