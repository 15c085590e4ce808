"""What a batch of decisions knows and wants to write: committed states, and the draft on top of them. Pure memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from registry.domain.events import AnyEvent, CredentialRegistered, Recorded
from registry.domain.names import Stream
from registry.domain.streams import State, evolve
from registry.log.codec import chain, encode


class NotLoaded(LookupError):
    """A decision asked for a stream or a counter that is not in memory; it is loaded, and the decision taken again."""

    def __init__(self, *, stream: Stream | None = None, list_set: UUID | None = None) -> None:
        super().__init__(stream or list_set)
        self.stream = stream
        self.list_set = list_set


@dataclass(frozen=True, slots=True)
class Fact:
    """An event on its way into the log; `effective_at` when it holds from an earlier moment than its recording."""

    stream: Stream
    event: AnyEvent
    effective_at: datetime | None = None


@dataclass(slots=True)
class Memory:
    """States as of the log's head, as this process last saw it; the fence proves them at every append.

    A state may be newer than `position` (it was read later); then the head has moved, and the fence is lost.
    """

    position: int
    hash: bytes
    recorded_at: datetime
    capacity: int = 50_000
    streams: OrderedDict[Stream, tuple[int, State]] = field(default_factory=OrderedDict)
    numbers: dict[UUID, int] = field(default_factory=dict)

    def see(self, recorded: Recorded) -> None:
        """Take in an event that another process wrote."""
        known = self.streams.get(recorded.stream)
        if known is not None and recorded.version == known[0] + 1:
            self.streams[recorded.stream] = (recorded.version, evolve(recorded.stream, known[1], recorded))
        event = recorded.event
        if isinstance(event, CredentialRegistered) and event.allocation.set_id in self.numbers:
            given = event.allocation
            self.numbers[given.set_id] = max(self.numbers[given.set_id], given.number + 1)

    def trim(self) -> None:
        """Forget what was not used for the longest time."""
        while len(self.streams) > self.capacity:
            self.streams.popitem(last=False)

    def forget(self) -> None:
        """Forget all states; they are read again when they are needed."""
        self.streams.clear()
        self.numbers.clear()


@dataclass(slots=True)
class Draft:
    """One batch: later decisions see what earlier ones of the batch wrote. Becomes memory when it is committed."""

    memory: Memory
    log_id: str
    recorded_at: datetime
    """The moment of the whole batch: never before the head's."""
    hash: bytes = b""
    bytes_total: int = 0
    states: dict[Stream, tuple[int, State]] = field(default_factory=dict)
    numbers: dict[UUID, int] = field(default_factory=dict)
    recorded: list[Recorded] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)

    @property
    def position(self) -> int:
        """The position of the last event, drafted or committed."""
        return self.memory.position + len(self.recorded)

    def state(self, stream: Stream) -> State:
        """Return the state of *stream*, None if it is empty; raise `NotLoaded`."""
        return self._known(stream)[1]

    def next_number(self, list_set: UUID) -> int:
        """Return how many indices of *list_set* are given out; raise `NotLoaded`."""
        number = self.numbers.get(list_set)
        if number is None:
            number = self.memory.numbers.get(list_set)
        if number is None:
            raise NotLoaded(list_set=list_set)
        return number

    def write(self, facts: Sequence[Fact], actor: str, request_id: str) -> int:
        """Draft the *facts* of one request, all of them or (if one is too large) none; return the last position."""
        entries = [self._entry(fact, actor, request_id, ahead) for ahead, fact in enumerate(facts, 1)]
        salts = os.urandom(16 * len(entries))
        bodies = [encode(self.log_id, salts[16 * n : 16 * n + 16], entry) for n, entry in enumerate(entries)]
        for entry, body in zip(entries, bodies, strict=True):
            self.hash = chain(self.hash or self.memory.hash, body)
            self.recorded.append(entry)
            self.bodies.append(body)
            self.hashes.append(self.hash)
            self.bytes_total += len(body)
        return self.position

    def commit(self) -> None:
        """Make the draft memory: the append was acknowledged."""
        memory = self.memory
        memory.position, memory.recorded_at = self.position, self.recorded_at
        memory.hash = self.hash or memory.hash
        memory.streams.update(self.states)
        memory.numbers.update(self.numbers)
        memory.trim()

    def _known(self, stream: Stream) -> tuple[int, State]:
        known = self.states.get(stream)
        if known is None:
            known = self.memory.streams.get(stream)
            if known is None:
                raise NotLoaded(stream=stream)
            self.memory.streams.move_to_end(stream)
        return known

    def _entry(self, fact: Fact, actor: str, request_id: str, ahead: int) -> Recorded:
        version, state = self._known(fact.stream)
        entry = Recorded(
            position=self.position + ahead,
            stream=fact.stream,
            version=version + 1,
            recorded_at=self.recorded_at,
            effective_at=fact.effective_at or self.recorded_at,
            actor=actor,
            request_id=request_id,
            event_id=uuid7(),
            event=fact.event,
        )
        self.states[fact.stream] = (entry.version, evolve(fact.stream, state, entry))
        if isinstance(fact.event, CredentialRegistered):
            self.numbers[fact.event.allocation.set_id] = fact.event.allocation.number + 1
        return entry


View = Draft
"""What a decision sees: `state(stream)` and `next_number(list_set)`."""

Clock = Callable[[], datetime]
