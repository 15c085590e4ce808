"""The log's facts → sets, lists and set bits; the same rows whatever the batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from projections.projection import Executor, Projection, about
from projections.status_lists.queries import schema, sql
from projections.status_lists.words import WORDS, EntryKey, word_of
from projections.text import storable
from registry.domain.events import (
    ListMember,
    LogRestored,
    OwnStatusListOpened,
    Purpose,
    Recorded,
    StatusListMemberAdded,
    StatusListSetClosed,
    StatusListSetOpened,
    VerificationMethodCompromised,
)
from registry.domain.keys import DID_KEY
from registry.domain.names import LogName

Word = tuple[int, datetime, int]
"""What an event says about an entry: its position, its recorded time, and the entry's value from then on."""

_SQL = {
    name: sql(name)
    for name in (
        "open_sets", "close_sets", "add_members", "move_entries", "note_words", "touch_members", "note_restores",
        "note_compromises",
    )
}  # fmt: skip

_OF_LISTS = WORDS | {
    StatusListSetOpened, OwnStatusListOpened, StatusListMemberAdded, StatusListSetClosed,
    VerificationMethodCompromised, LogRestored,
}  # fmt: skip

_IN_TOKEN = (Purpose.REVOCATION.value, Purpose.SUSPENSION.value)
"""What a token list says together."""


@dataclass(slots=True)
class _Facts:
    """What a batch says about status lists, one row or word per fact."""

    sets: list[tuple[object, ...]] = field(default_factory=list)
    members: list[tuple[object, ...]] = field(default_factory=list)
    closed: list[UUID] = field(default_factory=list)
    restores: list[tuple[object, ...]] = field(default_factory=list)
    compromises: dict[str, datetime] = field(default_factory=dict)
    words: dict[EntryKey, list[Word]] = field(default_factory=dict)


async def project(conn: Executor, log: LogName, batch: Sequence[Recorded]) -> None:
    """Apply *batch*: the last word per (set, purpose, index) wins; a list's `changed_position` moves with its entries.

    `changed_position` is that of the last event that really moved an entry, found by folding every word of the batch
    over what the entry was before: two batches give the same rows as one.
    """
    facts = _gather(batch)
    await _write(conn, "open_sets", log, facts.sets)
    await _write(conn, "add_members", log, facts.members)
    await _write(conn, "note_restores", log, facts.restores)
    await _write(conn, "note_compromises", log, facts.compromises.items())
    if facts.closed:
        await conn.execute(_SQL["close_sets"], log, facts.closed)
    if facts.words:
        before = await _move_entries(conn, log, facts.words)
        await _write(conn, "note_words", log, _spoken(facts.words))
        await _write(conn, "touch_members", log, _touched(facts.words, before))


def _gather(batch: Sequence[Recorded]) -> _Facts:
    facts = _Facts()
    for recorded in about(batch, _OF_LISTS):
        word = word_of(recorded.event)
        if word is None:
            _note(facts, recorded)
        else:
            key, value = word
            facts.words.setdefault(key, []).append((recorded.position, recorded.recorded_at, value))
    return facts


def _note(facts: _Facts, recorded: Recorded) -> None:
    """Take in what is said of sets and lists; other facts are not this projection's."""
    match recorded.event:
        case StatusListSetOpened(members=members) as event:
            _open(facts, recorded, event, members)
        case OwnStatusListOpened(member=member) as event:
            _open(facts, recorded, event, (member,))
        case StatusListMemberAdded(set_id=set_id, member=member):
            facts.members.append(_member(recorded, set_id, member))
        case StatusListSetClosed(set_id=set_id):
            facts.closed.append(set_id)
        case VerificationMethodCompromised(method_id=method_id) if not method_id.startswith(DID_KEY):
            # nothing but a did:key itself can sign its lists, so those are never due for it
            facts.compromises.setdefault(storable(method_id), recorded.recorded_at)
        case LogRestored() as event:
            published = (event.published_position, bytes.fromhex(event.published_hash))
            facts.restores.append((recorded.position, *published, event.restored_position))


def _open(
    facts: _Facts,
    recorded: Recorded,
    event: StatusListSetOpened | OwnStatusListOpened,
    members: Iterable[ListMember],
) -> None:
    facts.sets.append((event.set_id, event.issuer_id, event.issuer_did, event.size, recorded.position))
    facts.members += [_member(recorded, event.set_id, member) for member in members]


def _member(recorded: Recorded, set_id: UUID, member: ListMember) -> tuple[object, ...]:
    row = (member.status_list_id, set_id, member.purpose.value, member.url, member.bits)
    messages = orjson.dumps([(one.status, one.message) for one in member.messages or ()]).decode()
    reference = orjson.dumps(member.reference or ()).decode()
    return (*row, messages, reference, recorded.position, recorded.recorded_at)


async def _move_entries(conn: Executor, log: LogName, words: dict[EntryKey, list[Word]]) -> dict[EntryKey, int]:
    """Give every entry its last word; return the values of those that were not 0 before."""
    rows = await _write(conn, "move_entries", log, [(*key, said[-1][2]) for key, said in words.items()])
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _spoken(words: dict[EntryKey, list[Word]]) -> list[tuple[object, ...]]:
    return [(*key, position, value) for key, said in words.items() for position, _, value in said]


def _touched(words: dict[EntryKey, list[Word]], before: dict[EntryKey, int]) -> list[tuple[object, ...]]:
    """Per list: the position and time of the last word that moved one of its entries."""
    last: dict[tuple[UUID, str], tuple[int, datetime]] = {}
    for key, said in words.items():
        list_set, purpose, _ = key
        now = before.get(key, 0)
        for position, at, value in said:
            if value != now:
                for touched in (purpose, *([Purpose.TOKEN.value] if purpose in _IN_TOKEN else [])):
                    last[list_set, touched] = max(last.get((list_set, touched), (0, at)), (position, at))
            now = value
    return [(*key, *moved) for key, moved in last.items()]


async def _write(conn: Executor, name: str, log: LogName, rows: Iterable[tuple[object, ...]]) -> list[asyncpg.Record]:
    """Run the query *name* once over the columns of *rows*, if there are any; return what it returns."""
    columns = list(zip(*rows, strict=True))
    return list(await conn.fetch(_SQL[name], log, *columns)) if columns else []


STATUS_LISTS = Projection(
    name="status_lists",
    version=2,
    schema=schema("schema"),
    tables=(
        "status_list_sets", "status_list_members", "status_list_bits", "status_list_words", "status_list_restores",
        "status_list_compromises",
    ),
    project=project,
)  # fmt: skip
"""Status list sets, their lists, every entry that is not 0, and every word that was said about one."""
