"""Gathers concurrent appends into one commit; a failure sinks one request, never its neighbours.

The time of one fsync is the batching window; there is no timer. Whatever waits (fairly, issuer by issuer) is decided
one after another in memory, a later request seeing what an earlier one drafted, and written by one statement. Nobody
is answered before the fence has proved the memory they were decided on.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg
import orjson

from registry.domain.names import LogName, Stream
from registry.errors import DatabaseUnavailable, KeyReused, QueueFull, RegistryError
from registry.log import read
from registry.log.append import KeptAnswer, append, is_written
from registry.log.connection import LOST, Connection, reason
from registry.log.draft import Clock, Draft, Fact, Memory, NotLoaded, View
from registry.log.lease import Lease
from registry.log.load_states import Loaded, load_states

MOST_VIOLATIONS = 5
"""A key used before costs a batch one violation; more than a few mean tables that contradict each other."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a request comes to: facts to record (or none), and the answer for the position they get."""

    facts: Sequence[Fact]
    answer: Callable[[int], dict[str, Any]]
    position: int = 0
    """Where the log says so already, when there is nothing to record."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's promise that requests with this key are one request."""

    caller: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Request:
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


@dataclass(frozen=True, slots=True)
class Appended:
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
    batch_requests: int = 1_000
    batch_bytes: int = 8 * 1024 * 1024
    unknown_outcome_s: float = 8
    """How long an unknown outcome is looked for before the caller is told that it is unknown."""


@dataclass(slots=True, eq=False)
class _Waiting:
    request: Request
    future: asyncio.Future[Appended]
    outcome: Appended | RegistryError | None = None
    keeps: KeptAnswer | None = None


@dataclass(slots=True)
class _Batch:
    """A batch under way: what is drafted, and which keys were looked up."""

    draft: Draft
    waiting: list[_Waiting]
    kept: dict[tuple[str, str], KeptAnswer] = field(default_factory=dict)
    known: Loaded = field(default_factory=Loaded)


class Sequencer:
    """One process's writer of one log. `submit` from anywhere in the loop; `run` is its only task."""

    def __init__(
        self,
        log: LogName,
        connect: Callable[[], Awaitable[Connection]],
        lease: Lease,
        *,
        clock: Clock,
        observer: Observer,
        limits: Limits | None = None,
    ) -> None:
        self._log = log
        self._connect = connect
        self._lease = lease
        self._clock = clock
        self._observer = observer
        self._limits = limits or Limits()
        self._queues: OrderedDict[str, deque[_Waiting]] = OrderedDict()
        self._count = 0
        self._wake = asyncio.Event()
        self._conn: Connection | None = None
        self._memory: Memory | None = None
        self._log_id = ""
        self._notification: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Appended:
        """Return the durable outcome of *request*.

        Raises what its decision raised, `KeyReused`, `QueueFull`, and `DatabaseUnavailable` (the outcome may then be
        unknown; repeating with the same Idempotency-Key is safe).
        """
        if self._count >= self._limits.waiting:
            raise QueueFull("More writes are waiting than may wait; repeat the request in a moment.")
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._queues.setdefault(request.queue, deque()).append(waiting)
        self._count += 1
        self._wake.set()
        return await waiting.future

    async def run(self) -> None:
        """Serve until cancelled; whatever waits then is refused with `DatabaseUnavailable`."""
        try:
            while True:
                if not self._count:
                    self._lease.is_busy = False
                    await self._lease.yield_turn(is_idle=True)
                    self._wake.clear()
                    if not self._count:
                        await self._wake.wait()
                self._lease.is_busy = True
                await self._serve(self._take())
                await self._lease.yield_turn(is_idle=False)
        finally:
            for waiting in self._take(everything=True):
                _fail(waiting, DatabaseUnavailable("The service is stopping; repeat the request."))
            await self.close()

    async def close(self) -> None:
        """Give the lease back and close the connections."""
        await self._lease.close()
        if self._conn is not None:
            conn, self._conn = self._conn, None
            conn.terminate()

    def _take(self, *, everything: bool = False) -> list[_Waiting]:
        """Take the next batch off the queues, one of each issuer in turn."""
        taken: list[_Waiting] = []
        while self._queues and (everything or len(taken) < self._limits.batch_requests):
            name, queue = self._queues.popitem(last=False)
            taken.append(queue.popleft())
            if queue:
                self._queues[name] = queue
        self._count -= len(taken)
        return [waiting for waiting in taken if not waiting.future.cancelled()]

    async def _serve(self, batch: list[_Waiting]) -> None:
        """Answer every request of *batch*, whatever happens."""
        started = time.monotonic()
        try:
            await self._commit(batch, started)
        except (*LOST, asyncpg.PostgresError) as error:
            self._drop_connection()
            for waiting in batch:
                _fail(waiting, DatabaseUnavailable(f"The write could not be confirmed: {reason(error)}"))
        except RegistryError as error:
            for waiting in batch:
                _fail(waiting, error)
        except asyncio.CancelledError:
            for waiting in batch:
                _fail(waiting, DatabaseUnavailable("The service is stopping; repeat the request."))
            raise
        except Exception as error:  # noqa: BLE001  # a defect must not leave callers waiting for ever
            self._drop_connection()
            for waiting in batch:
                if not waiting.future.done():
                    waiting.future.set_exception(error)

    async def _commit(self, batch: list[_Waiting], started: float) -> None:
        """Decide and write *batch*, deciding again on every lost fence, until it is written or refused."""
        violations = 0
        while batch:
            deadline = time.monotonic() + self._limits.unknown_outcome_s
            memory = await self._ready(deadline)
            state = _Batch(Draft(memory, self._log_id, max(self._clock(), memory.recorded_at)), batch)
            if violations:
                await self._load(state, [w for w in batch if w.request.key])
            rest = await self._decide(state)
            try:
                won = await self._write(state, deadline)
            except asyncpg.UniqueViolationError:
                violations += 1
                if violations == MOST_VIOLATIONS:
                    raise
                memory.forget()
                continue
            if not won:
                await self._catch_up(memory)
                continue
            state.draft.commit()
            self._answer(state, time.monotonic() - started)
            batch = rest
            started = time.monotonic()

    # ── before the decision ──────────────────────────────────────────────────────────────────────────────

    async def _ready(self, deadline: float) -> Memory:
        """Return the memory, having taken the lease and (again) a connection if need be."""
        may_have_moved = await self._lease.take()
        while self._conn is None or self._conn.is_closed() or self._memory is None:
            try:
                await self._begin()
                may_have_moved = False
            except (*LOST, DatabaseUnavailable):
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(0.1)
        if may_have_moved:
            await self._catch_up(self._memory)
        return self._memory

    async def _begin(self) -> None:
        self._drop_connection()
        conn = await self._connect()
        try:
            head = await read.head(conn, self._log)
            if head is None:
                raise DatabaseUnavailable(f"The log {self._log!r} is not opened yet; run `registry init`.")
            self._log_id = self._log_id or await read.log_id(conn, self._log)
            self._memory = Memory(head.position, head.hash, head.recorded_at)
        except BaseException:
            conn.terminate()
            raise
        self._conn = conn

    def _drop_connection(self) -> None:
        if self._conn is not None:
            self._conn.terminate()
        self._conn = self._memory = None

    async def _catch_up(self, memory: Memory) -> None:
        """Take in what other processes wrote since the head that *memory* knows."""
        assert self._conn is not None
        most = 2_000
        news = await read.after(self._conn, self._log, memory.position, most)
        if len(news) == most:
            memory.forget()
            news = []
        for recorded in news:
            memory.see(recorded)
        head = await read.head(self._conn, self._log)
        assert head is not None
        if news and head.position != news[-1].position:
            memory.forget()
        memory.position, memory.hash, memory.recorded_at = head.position, head.hash, head.recorded_at

    async def _load(self, state: _Batch, waiting: Sequence[_Waiting], missing: Sequence[NotLoaded] = ()) -> None:
        """Load what the decisions of *waiting* need, their keys' kept answers among it, in one query."""
        assert self._conn is not None
        draft = state.draft
        streams = {s for w in waiting for s in w.request.reads if s not in draft.memory.streams}
        streams |= {one.stream for one in missing if one.stream is not None}
        keys = {(w.request.key.caller, w.request.key.key) for w in waiting if w.request.key is not None}
        sets = {one.list_set for one in missing if one.list_set is not None}
        await load_states(self._conn, self._log, draft.memory, state.known, streams, keys - state.known.looked_up, sets)

    # ── the decision ─────────────────────────────────────────────────────────────────────────────────────

    async def _decide(self, state: _Batch) -> list[_Waiting]:
        """Decide the batch in order; return those that must wait for the next one (the batch is full).

        Requests whose answer rests on nothing being recorded are confirmed by looking up their keys and the head.
        """
        memory = state.draft.memory
        undecided = [w for w in state.waiting if any(s not in memory.streams for s in w.request.reads)]
        if undecided:
            await self._load(state, undecided)
        todo, rest = state.waiting, []
        while todo:
            missing: list[NotLoaded] = []
            again: list[_Waiting] = []
            for n, waiting in enumerate(todo):
                if state.draft.bytes_total >= self._limits.batch_bytes:
                    rest += todo[n:]
                    break
                try:
                    self._decide_one(state, waiting)
                except NotLoaded as one:
                    missing.append(one)
                    again.append(waiting)
            if again:
                await self._load(state, again, missing)
            todo = again
        state.waiting = [w for w in state.waiting if w not in rest] if rest else state.waiting
        unsure = [w for w in state.waiting if w.keeps is None and w.request.key and not state.known.has(w.request.key)]
        if unsure:
            await self._load(state, unsure)
            for waiting in unsure:
                self._replay(state, waiting)
        return rest

    def _decide_one(self, state: _Batch, waiting: _Waiting) -> None:
        """Decide one request on the draft; its outcome waits for the fence."""
        waiting.outcome = waiting.keeps = None
        if self._replay(state, waiting):
            return
        request, draft = waiting.request, state.draft
        try:
            decision = request.decide(draft)
            if not decision.facts:
                waiting.outcome = Appended(decision.position, decision.answer(decision.position))
                return
            position = draft.write(decision.facts, request.actor, request.request_id)
        except RegistryError as refusal:
            waiting.outcome = refusal
            return
        waiting.outcome = Appended(position, decision.answer(position))
        if request.key is not None:
            key = request.key
            answer = orjson.dumps(waiting.outcome.answer)
            waiting.keeps = KeptAnswer(key.caller, key.key, key.request_hash, position, answer)
            state.kept[key.caller, key.key] = waiting.keeps

    def _replay(self, state: _Batch, waiting: _Waiting) -> bool:
        """Answer from the request's key if it was used before; refuse it if that was for another request."""
        key = waiting.request.key
        if key is None:
            return False
        kept = state.kept.get((key.caller, key.key)) or state.known.answers.get((key.caller, key.key))
        if kept is None:
            return False
        if kept.request_hash == key.request_hash:
            waiting.outcome = Appended(kept.position, orjson.loads(kept.answer), is_replay=True)
        else:
            waiting.outcome = KeyReused(
                "This Idempotency-Key was used before with another request; use a new key for a new request."
            )
        return True

    # ── after the decision ───────────────────────────────────────────────────────────────────────────────

    async def _write(self, state: _Batch, deadline: float) -> bool:
        """Write the draft, resolving unknown outcomes; return False when the fence was lost.

        The same statement is sent again after a lost connection: if the first one was or is still to be committed,
        the second loses its fence, and the draft is found in the log by its hash.
        """
        draft = state.draft
        if not draft.recorded:
            return await self._is_head(draft.memory.position)
        answers = list(state.kept.values())
        is_doubtful = False
        while True:
            try:
                if self._conn is None:
                    self._conn = await self._connect()
                if await append(self._conn, self._log, draft, answers):
                    return True
                return is_doubtful and await is_written(self._conn, self._log, draft)
            except (*LOST, DatabaseUnavailable):
                is_doubtful = True
                if self._conn is not None:
                    self._conn.terminate()
                    self._conn = None
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(0.1)

    async def _is_head(self, position: int) -> bool:
        """Whether the log still ends at *position*: the fence of a batch that writes nothing."""
        assert self._conn is not None
        head = await read.head(self._conn, self._log)
        return head is not None and head.position == position

    def _answer(self, state: _Batch, seconds: float) -> None:
        """Give everybody their outcome, now that it is durable."""
        if state.draft.recorded:
            self._observer.batch(len(state.draft.recorded), seconds)
            self._hint()
        for waiting in state.waiting:
            outcome = waiting.outcome
            if isinstance(outcome, Appended):
                if outcome.is_replay:
                    self._observer.replayed()
                if not waiting.future.done():
                    waiting.future.set_result(outcome)
            elif outcome is not None:
                self._observer.rejected(type(outcome).__name__)
                _fail(waiting, outcome)

    def _hint(self) -> None:
        """Wake the projections, off the path of the next commit; hints that meet become one."""
        if self._notification is None or self._notification.done():
            self._notification = asyncio.ensure_future(self._lease.notify(read.CHANNEL))


def _fail(waiting: _Waiting, error: RegistryError) -> None:
    if not waiting.future.done():
        waiting.future.set_exception(error)
