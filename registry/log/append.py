"""The only writer of the log: one statement moves the head from the expected position and inserts everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import accumulate
from uuid import UUID, uuid4

from msgspec import Struct

from registry.domain.events import LogOpened, Recorded
from registry.domain.names import LOG_STREAM, LogName
from registry.log.codec import GENESIS, chain, encode
from registry.log.connection import Connection
from registry.log.draft import Draft
from registry.log.event_id import event_id
from registry.log.read import hash_at
from registry.log.sql import query

_APPEND = query("append")
_OPEN_LOG = query("open_log")


class KeptAnswer(Struct, frozen=True):
    """An answer remembered for ever under a caller's Idempotency-Key."""

    caller: str
    key: str
    """Without line breaks, as every HTTP header."""
    request_hash: bytes
    """32 bytes."""
    position: int
    answer: bytes


async def append(conn: Connection, log: LogName, draft: Draft, answers: Sequence[KeptAnswer]) -> bool:
    """Write *draft* and *answers*; return False if the fence was lost, and then nothing was written.

    Raises `asyncpg.UniqueViolationError` when a stream, an index or a key was written by someone else (nothing was
    written then either), and any of `connection.LOST` when the outcome is unknown.
    """
    recorded, given = draft.recorded, draft.given
    row = await conn.fetchrow(
        _APPEND,
        log,
        draft.expected,
        draft.hash,
        draft.recorded_at,
        ",".join([entry.stream for entry in recorded]),
        ",".join([str(entry.version) for entry in recorded]),
        ",".join([entry.event.type for entry in recorded]),
        *_in_a_row(draft.bodies),
        b"".join(draft.hashes),
        ",".join([_set_text(allocation.set_id) for allocation, _ in given]),
        ",".join([str(allocation.number) for allocation, _ in given]),
        ",".join([str(allocation.index) for allocation, _ in given]),
        ",".join([str(position) for _, position in given]),
        ",".join([kept.caller for kept in answers]),
        "\n".join([kept.key for kept in answers]),
        b"".join([kept.request_hash for kept in answers]),
        ",".join([str(kept.position) for kept in answers]),
        *_in_a_row([kept.answer for kept in answers]),
        draft.expected_hash,
        len(recorded),
    )
    return row is not None


def _in_a_row(parts: Sequence[bytes]) -> tuple[bytes, str, str]:
    """Return all *parts* as one, where in it each starts (the first at 1), and how many bytes each has."""
    sizes = list(map(len, parts))
    starts = accumulate(sizes[:-1], initial=1)
    return b"".join(parts), ",".join(map(str, starts)) if parts else "", ",".join(map(str, sizes))


_set_text = lru_cache(maxsize=1_024)(str)
"""A set's id as text: many indices of few sets are given out."""


async def is_written(conn: Connection, log: LogName, draft: Draft) -> bool:
    """Whether *draft*, whose append had an unknown outcome, is in the log: its hash stands at its position."""
    return await hash_at(conn, log, draft.position) == draft.hash


async def open_log(conn: Connection, log: LogName, origin: str, at: datetime, *, log_id: UUID | None = None) -> bool:
    """Write position 1 of a new log as its owner; return False if the log exists already."""
    event = LogOpened(log_id=log_id or uuid4(), log_name=log, origin=origin)
    first = Recorded(1, LOG_STREAM, 1, at, at, "system:init", "init", event_id(), event)
    body = encode(str(event.log_id), uuid4().bytes, first)
    done: str = await conn.execute(_OPEN_LOG, log, body, chain(GENESIS, body), at, first.stream, event.type)
    return done.endswith(" 1")
