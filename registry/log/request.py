"""What the sequencer is asked for and what it answers: plain values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Struct

from registry.domain.names import Stream
from registry.log.append import KeptAnswer
from registry.log.draft import Fact, View


class Decision(Struct, frozen=True):
    """What a request comes to: facts to record (or none), and the answer for the position they get."""

    facts: Sequence[Fact]
    answer: Callable[[int], dict[str, Any]]
    position: int = 0
    """Where the log says so already, when there is nothing to record."""


class IdempotencyKey(Struct, frozen=True):
    """The caller's promise that requests with this key are one request."""

    caller: str
    key: str
    request_hash: bytes
    after: tuple[str, bytes] | None = None
    """Key and hash of the same caller's request that this one follows: without it, it is refused (`OutOfTurn`)."""


class Request(Struct, frozen=True):
    """One decision to be taken and recorded."""

    decide: Callable[[View], Decision]
    """Pure; raises `Refused` to refuse, and lets `NotLoaded` through."""
    reads: tuple[Stream, ...]
    """The streams it will surely ask for."""
    queue: str
    """Whose turn it takes: the issuer."""
    actor: str
    request_id: str
    key: IdempotencyKey | None = None
    begins: frozenset[Stream] = frozenset()
    """Those of `reads` that will most likely be empty, and get their first fact: they need not be looked up."""
    weight: int = 1
    """How many single requests it counts for where room is measured out: about as many as it records facts."""


class Appended(Struct, frozen=True):
    """The outcome of a request: durable when it is returned."""

    position: int
    answer: dict[str, Any]
    is_replay: bool = False


class Observer(Protocol):
    """What the sequencer tells about itself."""

    def batch(self, events: int, seconds: float) -> None:
        """A batch of *events* was committed within *seconds*."""

    def rejected(self, reason: str) -> None:
        """A request was refused (its error's name)."""

    def replayed(self) -> None:
        """A request was answered from its Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the queue and of a batch."""

    waiting: int = 10_000
    batch_requests: int = 256
    """By weight. Larger ones gain nothing: callers that were answered prepare their next request meanwhile."""
    batch_bytes: int = 8 * 1024 * 1024
    unknown_outcome_s: float = 8
    """How long an unknown outcome is looked for before the caller is told that it is unknown."""


class Waiting(Struct, eq=False):
    """A request whose caller waits."""

    request: Request
    future: asyncio.Future[Appended]
    outcome: Appended | Exception | None = None
    """What it came to; told to the caller once the fence has proved it."""
    keeps: KeptAnswer | None = None

    def fail(self, error: Exception) -> None:
        """Tell the caller, if there still is one, that the request failed."""
        if not self.future.done():
            self.future.set_exception(error)
