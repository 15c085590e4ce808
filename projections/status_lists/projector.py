"""The log's facts → sets, lists and set bits; the same rows whatever the batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from projections.projection import Executor, Projection
from projections.status_lists.queries import schema, sql
from registry.domain.events import (
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    LogRestored,
    Purpose,
    Recorded,
    StatusChanged,
    StatusListSetClosed,
    StatusListSetOpened,
)
from registry.domain.names import LogName

BitKey = tuple[UUID, str, int]
"""Set, purpose, index."""

Word = tuple[int, datetime, bool]
"""What an event says about a bit: its position, its recorded time, and the bit's value from then on."""

_SQL = {
    name: sql(name)
    for name in (
        "open_sets", "close_sets", "add_members", "set_bits", "clear_bits", "touch_members", "note_restores",
    )
}  # fmt: skip


@dataclass(slots=True)
class _Facts:
    """What a batch says about status lists, one row or word per fact."""

    sets: list[tuple[object, ...]] = field(default_factory=list)
    members: list[tuple[object, ...]] = field(default_factory=list)
    closed: list[UUID] = field(default_factory=list)
    restores: list[tuple[object, ...]] = field(default_factory=list)
    words: dict[BitKey, list[Word]] = field(default_factory=dict)


async def project(conn: Executor, log: LogName, batch: Sequence[Recorded]) -> None:
    """Apply *batch*: the last word per (set, purpose, index) wins; a list's `changed_position` moves with its bits.

    `changed_position` is that of the last event that really moved a bit, found by folding every word of the batch
    over what the bit was before: two batches give the same rows as one.
    """
    facts = _gather(batch)
    await _write(conn, "open_sets", log, facts.sets)
    await _write(conn, "add_members", log, facts.members)
    await _write(conn, "note_restores", log, facts.restores)
    if facts.closed:
        await conn.execute(_SQL["close_sets"], log, facts.closed)
    if facts.words:
        was_set = await _move_bits(conn, log, facts.words)
        await _write(conn, "touch_members", log, _touched(facts.words, was_set))


def _gather(batch: Sequence[Recorded]) -> _Facts:
    facts = _Facts()
    for recorded in batch:
        match recorded.event:
            case CredentialRevoked() as event:
                _say(facts, recorded, event, Purpose.REVOCATION, value=True)
            case CredentialSuspended() as event:
                _say(facts, recorded, event, Purpose.SUSPENSION, value=True)
            case CredentialReinstated() as event:
                _say(facts, recorded, event, Purpose.SUSPENSION, value=False)
            case StatusListSetOpened() as event:
                _open(facts, recorded, event)
            case StatusListSetClosed(set_id=set_id):
                facts.closed.append(set_id)
            case LogRestored() as event:
                published = (event.published_position, bytes.fromhex(event.published_hash))
                facts.restores.append((recorded.position, *published, event.restored_position))
            case _:
                pass  # no opinion on other facts
    return facts


def _say(facts: _Facts, recorded: Recorded, event: StatusChanged, purpose: Purpose, *, value: bool) -> None:
    key = (event.allocation.set_id, purpose.value, event.allocation.index)
    facts.words.setdefault(key, []).append((recorded.position, recorded.recorded_at, value))


def _open(facts: _Facts, recorded: Recorded, event: StatusListSetOpened) -> None:
    facts.sets.append((event.set_id, event.issuer_id, event.issuer_did, event.size, recorded.position))
    for member in event.members:
        row = (member.status_list_id, event.set_id, member.purpose.value, member.url)
        facts.members.append((*row, recorded.position, recorded.recorded_at))


async def _move_bits(conn: Executor, log: LogName, words: dict[BitKey, list[Word]]) -> set[BitKey]:
    """Give every bit its last word; return the keys whose bit was set before."""
    to_set = [key for key, said in words.items() if said[-1][2]]
    to_clear = [key for key, said in words.items() if not said[-1][2]]
    newly_set = await _write(conn, "set_bits", log, to_set)
    return (set(to_set) - newly_set) | await _write(conn, "clear_bits", log, to_clear)


def _touched(words: dict[BitKey, list[Word]], was_set: set[BitKey]) -> list[tuple[object, ...]]:
    """Per list: the position and time of the last word that moved one of its bits."""
    last: dict[tuple[UUID, str], tuple[int, datetime]] = {}
    for key, said in words.items():
        before = key in was_set
        for position, at, value in said:
            if value != before:
                last[key[:2]] = max(last.get(key[:2], (0, at)), (position, at))
            before = value
    return [(*key, *moved) for key, moved in last.items()]


async def _write(conn: Executor, name: str, log: LogName, rows: Iterable[tuple[object, ...]]) -> set[BitKey]:
    """Run the query *name* once over the columns of *rows*, if there are any; return what it returns."""
    columns = list(zip(*rows, strict=True))
    return {tuple(row) for row in await conn.fetch(_SQL[name], log, *columns)} if columns else set()


STATUS_LISTS = Projection(
    name="status_lists",
    version=1,
    schema=schema("schema"),
    tables=("status_list_sets", "status_list_members", "status_list_bits", "status_list_restores"),
    project=project,
)
"""Status list sets, their lists and every set bit."""
