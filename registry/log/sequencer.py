"""Gathers concurrent appends into one commit; a failure sinks one request, never its neighbours.

The time of one fsync is the batching window; there is no timer. Whatever waits (fairly, issuer by issuer) is decided
one after another in memory, a later request seeing what an earlier one drafted, and written by one statement. Nobody
is answered before the fence has proved the memory they were decided on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg

from registry.domain.names import LogName
from registry.errors import BrokenLog, DatabaseUnavailable
from registry.log import read
from registry.log.append import append, is_written
from registry.log.batch import Batch
from registry.log.connection import RETRYABLE, Connection, reason
from registry.log.draft import Clock, Draft, Memory
from registry.log.fair_queue import FairQueue
from registry.log.lease import Lease
from registry.log.request import Appended, Decision, IdempotencyKey, Limits, Observer, Request, Waiting
from registry.log.tail import BETWEEN_ATTEMPTS_S, Tail

__all__ = ["Appended", "Decision", "IdempotencyKey", "Limits", "Observer", "Request", "Sequencer"]

MOST_VIOLATIONS = 5
"""A key used before costs a batch one violation; more than a few mean tables that contradict each other."""

LOST_FENCES_BEFORE_LOCK = 2
"""After so many, a batch waits in line for the head's row, so that a faster process cannot win for ever."""

AT_A_TIME = 32
"""Requests decided ahead before the loop gets its turn: about half a millisecond's worth. Meanwhile nothing is sent,
and a statement is longer than what a socket takes at once."""

WORTH_HALVING = 32
"""Deciding and writing so many takes longer than a commit takes by itself; each batch costs something by itself too."""

BETWEEN_HINTS_S = 0.01
"""A hint is a transaction of its own; lone writes, hundreds a second, would pay for one each."""
BETWEEN_HINTS_OF_MANY_S = 0.03
"""The same where many facts are written at once: fewer and fuller pages cost those who read them a fifth less."""
MANY = 64

_PASSING = (*RETRYABLE, asyncpg.LockNotAvailableError, DatabaseUnavailable)
_POISONED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    BrokenLog,
)
"""Nothing was written, and never will be together with the request that caused it."""


@dataclass(slots=True)
class _Course:
    """What a batch met with so far."""

    deadline: float
    lost_fences: int = 0
    violations: int = 0


@dataclass(slots=True)
class _Flight:
    """A batch on its way into the log."""

    batch: Batch
    course: _Course
    since: float
    written: asyncio.Future[bool] = field(init=False)
    is_followed: bool = False
    """Set while a next batch is decided on top of this one."""
    is_told: bool = False

    @property
    def is_written(self) -> bool:
        """Whether it is over and ended in the log."""
        written = self.written
        return written.done() and not written.cancelled() and written.exception() is None and written.result()


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
        self._tail = Tail(log, connect)
        self._lease = lease
        self._clock = clock
        self._observer = observer
        self._limits = limits or Limits()
        self._queue = FairQueue(self._limits.waiting)
        self._wake = asyncio.Event()
        self._is_stopped = False
        self._flight: _Flight | None = None
        self._unhinted = 0
        """Facts that were written since the last hint."""
        self._hints: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Appended:
        """Return the durable outcome of *request*.

        Raises what its decision raised, `KeyReused`, `QueueFull`, and `DatabaseUnavailable` (the outcome may then be
        unknown; repeating with the same Idempotency-Key is safe).
        """
        if self._is_stopped:
            raise _stopping()
        waiting = Waiting(request, asyncio.get_running_loop().create_future())
        self._queue.push(waiting)
        self._wake.set()
        return await waiting.future

    async def run(self) -> None:
        """Serve until cancelled; whatever waits then is refused with `DatabaseUnavailable`."""
        try:
            while True:
                await self._until_asked()
                if self._flight is None:
                    await self._lease.yield_turn(is_idle=False)
                    self._flight = await self._depart(self._queue.take(self._first_share()))
                else:
                    self._flight = await self._land(self._flight, await self._decide_ahead(self._flight))
        finally:
            self._is_stopped = True
            if self._flight is not None:
                self._flight.written.cancel()
                _fail(self._flight.batch.waiting, _stopping())
            while self._queue:
                _fail(self._queue.take(self._limits.waiting), _stopping())
            await self.close()

    async def close(self) -> None:
        """Give the lease back and close the connections."""
        if self._hints is not None:
            self._hints.cancel()
            await asyncio.wait([self._hints])
        await self._lease.close()
        self._tail.forget()

    async def _until_asked(self) -> None:
        if self._queue or self._flight is not None:
            self._lease.is_busy = True
            return
        self._lease.is_busy = False
        await self._lease.yield_turn(is_idle=True)
        while not self._queue:
            self._wake.clear()
            await self._wake.wait()
        self._lease.is_busy = True

    def _first_share(self) -> int:
        """How many depart when none is on its way: of many half, so that there are some to be decided meanwhile."""
        waiting, most = len(self._queue), self._limits.batch_requests
        return min(most, (waiting + 1) // 2) if self._lease.is_held and waiting >= WORTH_HALVING else most

    # ── the straight course: one batch is written while the next is decided on top of it ─────────────────────

    async def _depart(self, waiting: list[Waiting]) -> _Flight | None:
        """Decide *waiting* and send them on their way; None if that took the whole way, with all its turns."""
        try:
            batch = await self._decide(waiting, _Course(self._deadline()))
        except asyncio.CancelledError:
            self._queue.put_back(waiting)
            raise
        except Exception:  # noqa: BLE001  # whatever it is: the whole way knows what to do about it
            await self._serve(waiting)
            return None
        return self._send(batch)

    def _send(self, batch: Batch) -> _Flight:
        batch.draft.adopt()
        course = _Course(self._deadline())
        flight = _Flight(batch, course, time.monotonic())
        flight.written = asyncio.ensure_future(self._fly(flight))
        return flight

    async def _fly(self, flight: _Flight) -> bool:
        """Write the batch of *flight*; answer at once, unless there is a next batch, which is to be sent first."""
        try:
            is_written = await self._write(flight.batch, flight.course.deadline)
            if is_written and not flight.is_followed:
                self._tell(flight)
            return is_written
        finally:
            self._wake.set()

    async def _decide_ahead(self, flight: _Flight) -> Batch | None:
        """Decide what comes in until *flight* is over, as if that was in the log already; None if that failed."""
        batch: Batch | None = None
        is_full = False
        while not flight.written.done():
            room = self._limits.batch_requests - (batch.weight if batch else 0)
            try:
                if not self._queue or room <= 0 or is_full or not self._lease.is_held:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                await asyncio.sleep(0)  # what is on its way is sent before anything else is thought about
            except asyncio.CancelledError:
                self._queue.put_back(batch.waiting if batch else [])
                raise
            if flight.written.done() or not (waiting := self._queue.take(min(room, AT_A_TIME))):
                continue
            flight.is_followed = True
            try:
                batch = batch or Batch(self._log, self._draft(flight.batch.draft.memory), flight.batch)
                rest = await batch.add(
                    await self._tail.second_connection(), waiting, most_bytes=self._limits.batch_bytes
                )
                self._queue.put_back(rest)
                is_full = bool(rest)
            except BaseException as error:
                self._queue.put_back(_united(batch, waiting))
                batch, is_full = None, True
                if not isinstance(error, Exception):
                    raise
        return batch

    async def _land(self, flight: _Flight, ahead: Batch | None) -> _Flight | None:
        """Answer the callers of *flight*, having sent on what was decided ahead; or go the whole way with both."""
        if not flight.is_written:
            self._queue.put_back(ahead.waiting if ahead else [])
            await self._serve(flight.batch.waiting, flight)
            return None
        following = None
        if ahead is not None and self._lease.is_turn_over:
            self._queue.put_back(ahead.waiting)
        elif ahead is not None:
            following = self._flight = self._send(ahead)
            try:
                await asyncio.sleep(0)  # it is sent before those who are told prepare their next requests
            finally:
                self._tell(flight)
        self._tell(flight)
        return following

    # ── the whole way, with everything that can happen on it ─────────────────────────────────────────────────

    async def _serve(self, waiting: list[Waiting], flight: _Flight | None = None) -> None:
        """Answer every request of *waiting*, whatever happens; *flight* is their first attempt, if there was one."""
        try:
            await self._commit(waiting, flight)
        except asyncio.CancelledError:
            _fail(waiting, _stopping())
            raise
        except _POISONED as error:
            self._tail.forget()
            await self._serve_apart([one for one in waiting if not one.future.done()], error)
        except (*_PASSING, asyncpg.PostgresError) as error:
            self._tail.forget()
            _fail(waiting, DatabaseUnavailable(f"The write could not be confirmed: {reason(error)}"))
        except Exception as error:  # noqa: BLE001  # a defect must not leave callers waiting for ever
            self._tail.forget()
            _fail(waiting, error)

    async def _serve_apart(self, waiting: list[Waiting], error: Exception) -> None:
        """Serve halves of a batch that one request poisons, until that one is alone."""
        if len(waiting) <= 1:
            _fail(waiting, error)
            return
        middle = len(waiting) // 2
        await self._serve(waiting[:middle])
        await self._serve(waiting[middle:])

    async def _commit(self, waiting: list[Waiting], flight: _Flight | None) -> None:
        """Decide and write *waiting*, deciding again on every lost fence, until all are written or refused."""
        course = flight.course if flight else _Course(self._deadline())
        while True:
            try:
                if flight is None:
                    flight = self._send(await self._decide(waiting, course))
                    flight.course = course
                is_written = await flight.written
            except asyncpg.UniqueViolationError:
                course.violations += 1
                if course.violations == MOST_VIOLATIONS:
                    raise
                self._tail.abandon()
                self._tail.forget_states()
                is_written = False
            except _PASSING:
                # `_write` gives up only after the deadline: before it, nothing was sent, and deciding again is safe
                if time.monotonic() >= course.deadline:
                    raise
                self._tail.forget()
                await asyncio.sleep(BETWEEN_ATTEMPTS_S)
                is_written = False
            else:
                self._tail.abandon()
                course.lost_fences += not is_written
            if flight is not None and is_written:
                self._tell(flight)
                return
            if flight is not None:
                flight.batch.draft.disown()
            flight = None

    def _draft(self, memory: Memory) -> Draft:
        return Draft(memory, self._tail.log_id, max(self._clock(), memory.recorded_at))

    async def _decide(self, waiting: list[Waiting], course: _Course) -> Batch:
        """Return *waiting* decided on what is known of the log's end; those that do not fit in leave it and wait."""
        others_may_write = await self._lease.take()
        await self._tail.memory(course.deadline)
        if course.lost_fences >= LOST_FENCES_BEFORE_LOCK:
            await self._tail.lock()
        elif others_may_write or course.lost_fences:
            await self._tail.catch_up()
        batch = Batch(self._log, self._draft(await self._tail.memory(course.deadline)))
        rest = await batch.add(
            await self._tail.connection(),
            waiting,
            most_bytes=self._limits.batch_bytes,
            look_up=course.violations > 0,
        )
        waiting[:] = batch.waiting  # or a second attempt would serve the rest too
        self._queue.put_back(rest)
        return batch

    async def _write(self, batch: Batch, deadline: float) -> bool:
        """Write the draft, resolving unknown outcomes; return False when the fence was lost.

        The same statement is sent again after a lost connection: if the first one was or is still to be committed,
        the second loses its fence, and the draft is found in the log by its hash. (A draft without events does not
        move the head; then the second violates the primary key of the kept answers.)
        """
        if not batch.has_news:
            return await self._tail.is_proved()
        draft, answers = batch.draft, list(batch.kept.values())
        is_doubtful = False
        while True:
            try:
                conn = await self._tail.connection()
                if await append(conn, self._log, draft, answers):
                    await self._tail.unlock()
                    return True
                return is_doubtful and bool(draft.recorded) and await is_written(conn, self._log, draft)
            except _PASSING:
                is_doubtful = True
                self._tail.disconnect()
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(BETWEEN_ATTEMPTS_S)

    def _tell(self, flight: _Flight) -> None:
        """Give everybody their outcome, and projections the hint, now that it is durable."""
        if flight.is_told:
            return
        flight.is_told = True
        batch = flight.batch
        batch.tell(self._observer.replayed, self._observer.rejected)
        if batch.draft.recorded:
            self._observer.batch(len(batch.draft.recorded), time.monotonic() - flight.since)
            self._unhinted += len(batch.draft.recorded)
            if self._hints is None or self._hints.done():
                self._hints = asyncio.ensure_future(self._send_hints())

    async def _send_hints(self) -> None:
        """Wake the projections, off the path of the next commit; hints that meet become one."""
        while self._unhinted:
            pause_s = BETWEEN_HINTS_OF_MANY_S if self._unhinted > MANY else BETWEEN_HINTS_S
            self._unhinted = 0
            await self._lease.notify(read.CHANNEL)
            await asyncio.sleep(pause_s)

    def _deadline(self) -> float:
        return time.monotonic() + self._limits.unknown_outcome_s


def _united(batch: Batch | None, waiting: list[Waiting]) -> list[Waiting]:
    """Those of *batch*, and those of *waiting* that it did not take in yet."""
    already = batch.waiting if batch else []
    return already + [one for one in waiting if one not in already]


def _fail(waiting: list[Waiting], error: Exception) -> None:
    for one in waiting:
        one.fail(error)


def _stopping() -> DatabaseUnavailable:
    return DatabaseUnavailable("The service is stopping; repeat the request.")
