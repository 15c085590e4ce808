"""Loads into memory what a batch of decisions must know: streams, kept answers and counters, in one query."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from registry.domain.events import Recorded
from registry.domain.names import LogName, Stream
from registry.domain.streams import State, evolve
from registry.errors import BrokenLog
from registry.log.append import KeptAnswer
from registry.log.codec import decode
from registry.log.connection import Connection
from registry.log.draft import Memory
from registry.log.sql import query

_LOAD = query("load")


@dataclass(slots=True)
class Loaded:
    """Which Idempotency-Keys were looked up, and the answers kept under them."""

    looked_up: set[tuple[str, str]] = field(default_factory=set)
    answers: dict[tuple[str, str], KeptAnswer] = field(default_factory=dict)


async def load_states(
    conn: Connection,
    log: LogName,
    memory: Memory,
    known: Loaded,
    streams: Collection[Stream],
    keys: Collection[tuple[str, str]],
    list_sets: Collection[UUID],
) -> None:
    """Load *streams* and the counters of *list_sets* into *memory*, the answers of *keys* into *known*.

    What *memory* knows already may be newer: on its way into the log.
    """
    callers, names = [caller for caller, _ in keys], [key for _, key in keys]
    rows = await conn.fetch(_LOAD, log, ",".join(streams), ",".join(callers), names, list(list_sets))
    states: dict[Stream, tuple[int, State]] = dict.fromkeys(streams, (0, None))
    numbers = dict.fromkeys(list_sets, 0)
    for kind, name, position, body, request_hash, list_set in sorted(rows, key=_position):
        if kind == "event":
            recorded = _decode(log, position, body)
            states[recorded.stream] = (recorded.version, evolve(recorded.stream, states[recorded.stream][1], recorded))
        elif kind == "key":
            caller, _, key = name.partition(" ")
            known.answers[caller, key] = KeptAnswer(caller, key, request_hash, position, body)
        elif kind == "number":
            numbers[list_set] = position + 1
    for stream, state in states.items():
        if stream not in memory.streams or memory.streams[stream][0] < state[0]:
            memory.streams[stream] = state
    for list_set, number in numbers.items():
        memory.numbers[list_set] = max(number, memory.numbers.get(list_set, 0))
    known.looked_up.update(keys)


def _decode(log: LogName, position: int, body: bytes) -> Recorded:
    try:
        return decode(position, body)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenLog(f"Log {log!r}: position {position} does not parse as an event.", position=position) from error


def _position(row: asyncpg.Record) -> int:
    return int(row["position"])
