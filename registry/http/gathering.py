"""Single lookups, gathered: those that arrive while a query is under way share the next one.

A lone lookup waits for nothing but the end of the event loop's turn; under load, the round trip to PostgreSQL is the
batching window. At most `at_once` queries of one log are under way, each on a connection the view holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from projections.credential_status.view import Ambiguous, CredentialRow
from registry.domain.names import LogName

Query = tuple[str, str | None]
"""A credential id, and the issuer (slug, DID or UUID) if the caller named one."""

Found = CredentialRow | Ambiguous | None

StatusesOf = Callable[[LogName, Sequence[Query]], Awaitable[Sequence[Found]]]
"""(log, queries) → what each finds, in order, in one round trip."""


@dataclass(slots=True)
class _Log:
    waiting: dict[Query, list[asyncio.Future[Found]]] = field(default_factory=dict)
    """A future for each caller: one caller's disconnection is not everybody's."""
    under_way: int = 0
    is_due: bool = False


class Gathering:
    """Turns concurrent single lookups into few queries of at most *largest* keys."""

    __slots__ = ("_at_once", "_largest", "_logs", "_statuses_of", "_tasks")

    def __init__(self, statuses_of: StatusesOf, *, at_once: int = 2, largest: int = 1_000) -> None:
        self._statuses_of = statuses_of
        self._at_once = at_once
        self._largest = largest
        self._logs: dict[LogName, _Log] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, log: LogName, query: Query) -> Awaitable[Found]:
        """Return, to be awaited, what the view finds for *query*; that raises what the view raises."""
        of_log = self._logs.get(log)
        if of_log is None:
            of_log = self._logs[log] = _Log()
        found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        of_log.waiting.setdefault(query, []).append(found)
        if not of_log.is_due:
            self._make_due(log, of_log)
        return found

    def _make_due(self, log: LogName, of_log: _Log) -> None:
        if not of_log.is_due and of_log.waiting and of_log.under_way < self._at_once:
            of_log.is_due = True
            asyncio.get_running_loop().call_soon(self._start, log, of_log)

    def _start(self, log: LogName, of_log: _Log) -> None:
        of_log.is_due = False
        batch = of_log.waiting
        if len(batch) <= self._largest:
            of_log.waiting = {}
        else:
            batch = {query: batch.pop(query) for query in list(batch)[: self._largest]}
        of_log.under_way += 1
        task = asyncio.ensure_future(self._answer(log, of_log, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._make_due(log, of_log)

    async def _answer(self, log: LogName, of_log: _Log, batch: dict[Query, list[asyncio.Future[Found]]]) -> None:
        try:
            answers = await self._statuses_of(log, list(batch))
            for callers, answer in zip(batch.values(), answers, strict=True):
                for found in callers:
                    if not found.done():
                        found.set_result(answer)
        except Exception as error:  # noqa: BLE001 (handed to everybody who waits)
            for found in _unanswered(batch):
                found.set_exception(error)
        except asyncio.CancelledError:
            for found in _unanswered(batch):
                found.cancel()
            raise
        finally:
            of_log.under_way -= 1
            self._make_due(log, of_log)


def _unanswered(batch: dict[Query, list[asyncio.Future[Found]]]) -> Iterator[asyncio.Future[Found]]:
    return (found for callers in batch.values() for found in callers if not found.done())
