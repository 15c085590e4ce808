"""Connections to PostgreSQL: timeouts on everything, READ COMMITTED, and the rule for what may be repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from registry.errors import DatabaseUnavailable

T = TypeVar("T")

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's classes are generic for type checkers only
    Connection, Pool = asyncpg.Connection, asyncpg.Pool

LOST = (
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)
"""What asyncpg raises when a connection dies or the server stops: the outcome of what was under way is unknown."""

RETRYABLE = (*LOST, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""After these, idempotent work may be repeated, and nothing else."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds in seconds; asyncpg and PostgreSQL have none by themselves."""

    connect_s: float = 5
    command_s: float = 10
    statement_s: float = 8
    lock_s: float = 4
    idle_in_transaction_s: float = 15


def _arguments(timeouts: Timeouts, statement_cache_size: int) -> dict[str, Any]:
    return {
        "timeout": timeouts.connect_s,
        "command_timeout": timeouts.command_s,
        "statement_cache_size": statement_cache_size,
        "server_settings": {
            "application_name": "registry",
            "timezone": "UTC",
            "default_transaction_isolation": "read committed",
            "statement_timeout": str(int(timeouts.statement_s * 1000)),
            "lock_timeout": str(int(timeouts.lock_s * 1000)),
            "idle_in_transaction_session_timeout": str(int(timeouts.idle_in_transaction_s * 1000)),
            "jit": "off",
        },
    }


async def connect(dsn: str, timeouts: Timeouts | None = None, *, statement_cache_size: int = 1024) -> Connection:
    """Return a connection to *dsn*; raise `DatabaseUnavailable` if there is none to be had."""
    try:
        return await asyncpg.connect(dsn, **_arguments(timeouts or Timeouts(), statement_cache_size))
    except (*LOST, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(f"PostgreSQL cannot be reached: {reason(error)}") from error


async def pool(dsn: str, timeouts: Timeouts | None = None, *, size: int = 8, statement_cache_size: int = 1024) -> Pool:
    """Return a pool of at most *size* connections to *dsn*; raise `DatabaseUnavailable`."""
    try:
        return await asyncpg.create_pool(
            dsn, min_size=1, max_size=size, reset=_reset, **_arguments(timeouts or Timeouts(), statement_cache_size)
        )
    except (*LOST, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(f"PostgreSQL cannot be reached: {reason(error)}") from error


async def _reset(_: object) -> None:
    """Leave a connection that comes back to its pool as it is: asyncpg's own query costs a round trip each time.

    asyncpg has ended its transaction and its listeners before this; and of all else that would be reset (settings,
    advisory locks, cursors of a session) no user of a pool makes any. Who does has a connection of its own.
    """


async def repeated(work: Callable[[], Awaitable[T]], *, times: int = 3) -> T:
    """Return what idempotent *work* returns, trying again on `RETRYABLE`; raise `DatabaseUnavailable` in the end."""
    for attempt in range(1, times + 1):
        try:
            return await work()
        except RETRYABLE as error:
            if attempt == times:
                raise DatabaseUnavailable(f"PostgreSQL does not answer: {reason(error)}") from error
    raise AssertionError("times is at least 1")


class Repeating:
    """Runs statements that may be repeated on a pool, again after a lost connection; raises `DatabaseUnavailable`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fetch(self, query: str, /, *args: Any) -> list[asyncpg.Record]:
        """Return all rows."""
        return await repeated(lambda: self._pool.fetch(query, *args))

    async def fetchrow(self, query: str, /, *args: Any) -> asyncpg.Record | None:
        """Return the first row, or None."""
        return await repeated(lambda: self._pool.fetchrow(query, *args))


def reason(error: BaseException) -> str:
    """Return the first line of what *error* says, or its name when it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
