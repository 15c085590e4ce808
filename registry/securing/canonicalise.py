"""Foreign documents, canonicalised in worker processes that can be killed.

Canonicalisation of a hostile document takes as long as its author likes, holds the interpreter and eats memory, so it
happens elsewhere, under limits: time (the worker is killed), address space, blank nodes, output. One request per
worker at a time, so a killed one never takes a neighbour along. `rdf.canonicalise_here` is the same without a
process, for trusted input.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from registry import errors
from registry.errors import Malformed, Refused, Unavailable
from registry.securing.contexts import Contexts
from registry.securing.rdfc import Digest
from registry.securing.worker import frame
from registry.securing.worker_process import WorkerDied, WorkerLimits, WorkerProcess


def default_workers() -> int:
    """Return how many workers suit this machine: one less than it has cores, at least 1, at most 4."""
    return min(4, max(1, (os.cpu_count() or 1) - 1))


class Canonicaliser:
    """A few workers and a bounded queue before them.

    `max_waiting` documents may wait for a worker; the next is refused with `Unavailable`. The time limit runs from
    the moment a ready worker takes the document.
    """

    def __init__(
        self,
        contexts: Contexts,
        *,
        workers: int | None = None,
        limits: WorkerLimits | None = None,
        max_waiting: int = 64,
    ) -> None:
        self._contexts = contexts
        self._limits = limits or WorkerLimits()
        self._max_waiting = max_waiting
        self._slots = [_Slot(contexts, self._limits) for _ in range(workers or default_workers())]
        # Last in, first out: the worker used last has the warmest memory.
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        self._jobs: set[asyncio.Task[list[str | Refused]]] = set()
        self._open = False

    async def start(self) -> None:
        """Begin to start the workers and return at once; documents wait until one is ready (about 0.4 s)."""
        self._open = True
        for slot in self._slots:
            slot.warm_up()
            self._free.put_nowait(slot)

    async def close(self) -> None:
        """End every worker and fail what is under way with `Unavailable`."""
        self._open = False
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await asyncio.gather(*(slot.close() for slot in self._slots))

    async def canonicalise(self, document: Mapping[str, Any], digest: Digest = "sha256") -> str:
        """Return the canonical N-Quads (RDFC-1.0) of *document*, whose blank nodes are told apart by *digest*.

        Raises `UnsafeDocument` when a signature would not cover all of it, `UnknownContext`, `Malformed` when it is
        not JSON-LD or exceeds a bound, and `Unavailable` when too many documents wait.
        """
        [form] = await self.canonicalise_all([document], digest)
        if isinstance(form, Refused):
            raise form
        return form

    async def canonicalise_all(
        self, documents: Sequence[Mapping[str, Any]], digest: Digest = "sha256"
    ) -> list[str | Refused]:
        """Return the canonical N-Quads of each of *documents*, or the error that `canonicalise` would raise.

        One worker does all of them, within the limits of one: a document, the configurations of its proofs, and the
        credentials inside of it belong together. Raises `Unavailable`, and `Malformed` when the limits do not suffice.
        """
        if not self._open:
            raise Unavailable("The service is stopping; please repeat the request.")
        if len(self._jobs) >= self._max_waiting + len(self._slots):
            raise Unavailable("Too many documents wait to be canonicalised; please repeat the request.")
        job = asyncio.create_task(self._in_turn(frame({"documents": list(documents), "digest": digest})))
        self._jobs.add(job)
        job.add_done_callback(self._forget)
        try:
            # A caller that goes away leaves its document to run out: cheaper than a new worker.
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            if job.cancelled():
                raise Unavailable("The service is stopping; please repeat the request.") from None
            raise

    def _forget(self, job: asyncio.Task[list[str | Refused]]) -> None:
        self._jobs.discard(job)
        if not job.cancelled():
            job.exception()  # somebody has to look, or asyncio reports it as lost

    async def _in_turn(self, request: bytes) -> list[str | Refused]:
        slot = await self._free.get()
        try:
            return await slot.canonicalise(request)
        finally:
            self._free.put_nowait(slot)


class _Slot:
    """Room for one worker, which may come and go."""

    def __init__(self, contexts: Contexts, limits: WorkerLimits) -> None:
        self._contexts = contexts
        self._limits = limits
        self._starting: asyncio.Task[WorkerProcess] | None = None

    def warm_up(self) -> None:
        """Start a worker in the background."""
        self._starting = asyncio.create_task(WorkerProcess.start(self._contexts, self._limits))
        # A failure is told to the next document; nobody else waits for it.
        self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def close(self) -> None:
        """End the worker, or the start of one."""
        if self._starting is None:
            return
        self._starting.cancel()
        [started] = await asyncio.gather(self._starting, return_exceptions=True)
        if isinstance(started, WorkerProcess):
            await started.kill()

    async def canonicalise(self, request: bytes) -> list[str | Refused]:
        """Have the worker do it; one that died meanwhile is replaced, once: it may have died of something else."""
        try:
            return await self._attempt(request)
        except WorkerDied as first:
            try:
                return await self._attempt(request)
            except WorkerDied as again:
                if again.signal in {signal.SIGKILL, 0} or first.signal in {signal.SIGKILL, 0}:
                    raise Unavailable("The worker that had the document was ended; repeat the request.") from again
                # Twice out of memory or stack inside a library, or its own alarm: the document's doing.
                raise Malformed("The document needs more memory or time than one may have.") from again

    async def _attempt(self, request: bytes) -> list[str | Refused]:
        worker = await self._ready()
        try:
            async with asyncio.timeout(self._limits.time_limit_s):
                answers = await worker.ask(request)
        except BaseException as failure:
            # Whatever ended the wait, this worker may still be at it.
            await worker.kill()
            self.warm_up()
            if isinstance(failure, TimeoutError):
                raise Malformed(
                    f"The document was not canonicalised within {self._limits.time_limit_s:g} s. It is too large, or"
                    " has too many nodes without an id that refer to each other."
                ) from failure
            raise
        return [_form(answer) for answer in answers]

    async def _ready(self) -> WorkerProcess:
        """Return a living worker, waiting for one that starts."""
        if self._starting is None or (
            self._starting.done() and (self._starting.exception() or self._starting.result().has_ended)
        ):
            self.warm_up()
        assert self._starting is not None
        return await asyncio.shield(self._starting)


def _form(answer: dict[str, Any]) -> str | Refused:
    """Return the canonical form in the worker's *answer*, or the error that it met, as itself."""
    if "error" not in answer:
        canonical: str = answer["canonical"]
        return canonical
    kind = getattr(errors, answer["error"])
    error: Refused = kind(answer["detail"], **answer.get("extra", {}))
    return error
