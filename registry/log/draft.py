"""What a batch of decisions knows and wants to write: committed states, and the draft on top of them. Pure memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import Struct
from uuid_utils.compat import uuid7

from registry.domain.events import AnyEvent, CredentialRegistered, Recorded
from registry.domain.names import Stream
from registry.domain.streams import State, evolve
from registry.log.codec import chain, encode

K = TypeVar("K")
V = TypeVar("V")


class NotLoaded(LookupError):
    """A decision asked for a stream or a counter that is not in memory; it is loaded, and the decision taken again."""

    def __init__(self, *, stream: Stream | None = None, list_set: UUID | None = None) -> None:
        super().__init__(stream or list_set)
        self.stream = stream
        self.list_set = list_set


class Fact(Struct, frozen=True):
    """An event on its way into the log; `effective_at` when it holds from an earlier moment than its recording."""

    stream: Stream
    event: AnyEvent
    effective_at: datetime | None = None


@dataclass(slots=True)
class Memory:
    """States as of the log's head, as this process last saw it or is about to make it; the fence proves them.

    A state may be newer than `position` (it was read later); then the head has moved, and the fence is lost.
    """

    position: int
    hash: bytes
    recorded_at: datetime
    capacity: int = 20_000
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
class _Before:
    """What `take_back` restores."""

    events: int
    hash: bytes
    bytes_total: int
    states: dict[Stream, tuple[int, State] | None]
    numbers: dict[UUID, int | None]


@dataclass(slots=True)
class Draft:
    """One batch: later decisions see what earlier ones of the batch wrote."""

    memory: Memory
    log_id: str
    recorded_at: datetime
    """The moment of the whole batch: never before the head's."""
    expected: int = 0
    """The position of the head that the draft follows."""
    expected_hash: bytes = b""
    hash: bytes = b""
    bytes_total: int = 0
    states: dict[Stream, tuple[int, State]] = field(default_factory=dict)
    numbers: dict[UUID, int] = field(default_factory=dict)
    recorded: list[Recorded] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    _before: _Before | None = None

    def __post_init__(self) -> None:
        self.expected = self.memory.position
        self.hash = self.expected_hash = self.memory.hash

    @property
    def position(self) -> int:
        """The position of the last event, drafted or committed."""
        return self.expected + len(self.recorded)

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
        """Draft the *facts* of one request, all of them or (raising `TooLarge` or `NotLoaded`) none.

        Returns the position of the last one.
        """
        states: dict[Stream, tuple[int, State]] = {}
        entries: list[Recorded] = []
        bodies: list[bytes] = []
        position = self.position
        salts = os.urandom(16 * len(facts))
        for n, fact in enumerate(facts):
            version, state = states.get(fact.stream) or self._known(fact.stream)
            entry = Recorded(
                position + n + 1,
                fact.stream,
                version + 1,
                self.recorded_at,
                fact.effective_at or self.recorded_at,
                actor,
                request_id,
                uuid7(),
                fact.event,
            )
            bodies.append(encode(self.log_id, salts[16 * n : 16 * n + 16], entry))
            entries.append(entry)
            states[fact.stream] = (version + 1, evolve(fact.stream, state, entry))
        self._add(entries, bodies, states)
        return position + len(entries)

    def take_back(self) -> None:
        """Undo the last `write`: nothing of its request is to be recorded."""
        assert self._before is not None
        before, self._before = self._before, None
        del self.recorded[before.events :], self.bodies[before.events :], self.hashes[before.events :]
        self.hash, self.bytes_total = before.hash, before.bytes_total
        _restore(self.states, before.states)
        _restore(self.numbers, before.numbers)

    def adopt(self) -> None:
        """Make the draft memory while it is on its way into the log, so that the next one can be decided on it."""
        memory = self.memory
        memory.position, memory.hash, memory.recorded_at = self.position, self.hash, self.recorded_at
        memory.streams.update(self.states)
        memory.numbers.update(self.numbers)
        memory.trim()

    def disown(self) -> None:
        """Undo `adopt`: the draft did not get into the log, and nothing that was adopted later did."""
        memory = self.memory
        memory.position, memory.hash = self.expected, self.expected_hash
        for stream in self.states:
            memory.streams.pop(stream, None)
        for list_set in self.numbers:
            memory.numbers.pop(list_set, None)

    def _add(self, entries: list[Recorded], bodies: list[bytes], states: dict[Stream, tuple[int, State]]) -> None:
        given = [entry.event.allocation for entry in entries if isinstance(entry.event, CredentialRegistered)]
        self._before = _Before(
            len(self.recorded),
            self.hash,
            self.bytes_total,
            {stream: self.states.get(stream) for stream in states},
            {allocation.set_id: self.numbers.get(allocation.set_id) for allocation in given},
        )
        for body in bodies:
            self.hash = chain(self.hash, body)
            self.hashes.append(self.hash)
            self.bytes_total += len(body)
        self.recorded += entries
        self.bodies += bodies
        self.states.update(states)
        for allocation in given:
            self.numbers[allocation.set_id] = allocation.number + 1

    def _known(self, stream: Stream) -> tuple[int, State]:
        known = self.states.get(stream)
        if known is None:
            known = self.memory.streams.get(stream)
            if known is None:
                raise NotLoaded(stream=stream)
            self.memory.streams.move_to_end(stream)
        return known


def _restore(current: dict[K, V], before: dict[K, V | None]) -> None:
    for name, value in before.items():
        if value is None:
            del current[name]
        else:
            current[name] = value


class View(Protocol):
    """What a decision sees; a `Draft` is one."""

    @property
    def position(self) -> int:
        """The position of the last event before the decision."""

    @property
    def recorded_at(self) -> datetime:
        """The moment that the decision's facts will be recorded at."""

    def state(self, stream: Stream) -> State:
        """Return the state of *stream*, None if it is empty; raise `NotLoaded`."""

    def next_number(self, list_set: UUID) -> int:
        """Return how many indices of *list_set* are given out; raise `NotLoaded`."""


Clock = Callable[[], datetime]
