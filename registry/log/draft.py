"""What a batch of decisions knows and wants to write: committed states, and the draft on top of them. Pure memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from registry.domain.events import Allocation, AnyEvent, CredentialRegistered, Recorded
from registry.domain.names import Stream
from registry.domain.streams import State, evolve
from registry.log.codec import chain, encode
from registry.log.event_id import event_id

K = TypeVar("K")
V = TypeVar("V")


DOUBTED_REQUESTS = 1_000
"""A repeated request that was not looked up costs its whole batch a second attempt; who repeats one repeats many."""


class NotLoaded(LookupError):
    """A decision needs a stream, counter or key that is not in memory: it is loaded, and the decision taken again."""

    def __init__(
        self, *, stream: Stream | None = None, list_set: UUID | None = None, key: tuple[str, str] | None = None
    ) -> None:
        super().__init__(stream or list_set or key)
        self.stream = stream
        self.list_set = list_set
        self.key = key


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
    capacity: int = 4_000
    """Streams that are remembered: half a second's worth at most, for what follows at once, such as a signature. More
    would lie in no cache of the processor, and to drive one out for each new one then costs a tenth of writing it."""
    streams: OrderedDict[Stream, tuple[int, State]] = field(default_factory=OrderedDict)
    numbers: dict[UUID, int] = field(default_factory=dict)
    doubts: dict[str, int] = field(default_factory=dict)
    """Whose requests repeat earlier ones, and how many more of each queue are looked up before they are decided."""

    def doubt(self, queue: str) -> None:
        """Look up the next requests of *queue*: one of them repeated what was done before."""
        self.doubts[queue] = DOUBTED_REQUESTS

    def is_doubted(self, queue: str) -> bool:
        """Whether a request of *queue* must be looked up; counts it."""
        left = self.doubts.get(queue)
        if left is None:
            return False
        if left > 1:
            self.doubts[queue] = left - 1
        else:
            del self.doubts[queue]
        return True

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


class _Before(Struct):
    """What `take_back` restores."""

    events: int
    given: int
    hash: bytes
    bytes_total: int
    states: dict[Stream, tuple[int, State] | None]
    numbers: dict[UUID, int | None]


def _random_bytes() -> Iterator[bytes]:
    """Sixteen at a time, asked of the system for sixteen events, then for many: asking costs more than they do."""
    size = 256
    while True:
        many = os.urandom(size)
        for start in range(0, size, 16):
            yield many[start : start + 16]
        size = 4096


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
    given: list[tuple[Allocation, int]] = field(default_factory=list)
    """The indices given out, each with the position of its fact."""
    _before: _Before | None = None
    _begins: frozenset[Stream] = frozenset()
    _guessed: list[Stream] = field(default_factory=list)
    _seen: dict[Stream, tuple[int, State]] = field(default_factory=dict)
    """States that were found in memory: most are asked for again, by what follows."""
    _salts: Iterator[bytes] = field(default_factory=_random_bytes)

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

    def guess(self, begins: frozenset[Stream]) -> None:
        """Let the streams that the next decision *begins* count as empty where nothing is known of them."""
        self._begins, self._guessed = begins, []

    def prove(self, facts: Sequence[Fact]) -> None:
        """Raise `NotLoaded` unless each stream that was guessed to be empty gets its first version by *facts*.

        Then the unique version proves the guess when it is written, and a wrong one writes nothing.
        """
        if self._guessed:
            begun = {fact.stream for fact in facts}
            for stream in self._guessed:
                if stream not in begun:
                    raise NotLoaded(stream=stream)

    def write(self, facts: Sequence[Fact], actor: str, request_id: str) -> int:
        """Draft the *facts* of one request, all of them or (raising `TooLarge` or `NotLoaded`) none.

        Returns the position of the last one.
        """
        self._before = _Before(len(self.recorded), len(self.given), self.hash, self.bytes_total, {}, {})
        try:
            for fact in facts:
                self._write_one(fact, actor, request_id, self._before)
        except BaseException:
            self.take_back()
            raise
        return self.position

    def _write_one(self, fact: Fact, actor: str, request_id: str, before: _Before) -> None:
        stream, event, at = fact.stream, fact.event, self.recorded_at
        version, state = self._known(stream)
        version += 1
        position = self.expected + len(self.recorded) + 1
        effective_at = fact.effective_at or at
        entry = Recorded(position, stream, version, at, effective_at, actor, request_id, event_id(), event)
        body = encode(self.log_id, next(self._salts), entry)
        now = (version, evolve(stream, state, entry))
        if stream not in before.states:
            before.states[stream] = self.states.get(stream)
        self.states[stream] = now
        if isinstance(event, CredentialRegistered):
            given = event.allocation
            set_id = given.set_id
            if set_id not in before.numbers:
                before.numbers[set_id] = self.numbers.get(set_id)
            self.numbers[set_id] = given.number + 1
            self.given.append((given, position))
        self.hash = chain(self.hash, body)
        self.bytes_total += len(body)
        self.recorded.append(entry)
        self.bodies.append(body)
        self.hashes.append(self.hash)

    def take_back(self) -> None:
        """Undo the last `write`: nothing of its request is to be recorded."""
        assert self._before is not None
        before, self._before = self._before, None
        del self.recorded[before.events :], self.bodies[before.events :], self.hashes[before.events :]
        del self.given[before.given :]
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

    def _known(self, stream: Stream) -> tuple[int, State]:
        known = self.states.get(stream) or self._seen.get(stream)
        if known is None:
            known = self.memory.streams.get(stream)
            if known is None:
                if stream not in self._begins:
                    raise NotLoaded(stream=stream)
                self._guessed.append(stream)
                return _EMPTY
            self.memory.streams.move_to_end(stream)
            self._seen[stream] = known
        return known


_EMPTY: tuple[int, State] = (0, None)


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
