"""Rotation of the master key: every secret that an older one wraps is wrapped anew, row by row unchanged inside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from uuid import UUID

import asyncpg

from registry.errors import MasterKeyUnusable
from registry.vault.master import MasterKeys, Wrapped
from registry.vault.queries import Executor, Kind, query

Progress = Callable[[int, int], None]
"""Is told (done, all) after every batch."""

Binding = Callable[[Kind, str, UUID], bytes]
"""The associated data of a secret, from its kind, log and id."""


async def rewrap_all(
    database: Executor, master: MasterKeys, binding: Binding, batch: int, progress: Progress | None
) -> int:
    """Wrap what is not under the current key anew, *batch* rows a statement; return how many this call brought over.

    Each pass is over ascending ids, so it ends even if somebody rotates the other way at the same time.
    A row that does not open is left as it is and, when all others are done, raised as `MasterKeyUnusable`.
    """
    _refuse_missing(master, await count_wrapped(database, tuple(Kind)))
    todo = [
        (kind, *row) for kind in Kind for row in await database.fetch(query("count_stale", kind), master.current_id)
    ]
    total, seen, moved = sum(count for _, _, count in todo), 0, 0
    broken: list[str] = []
    for kind, log, _ in todo:
        async for rows in _stale(database, master.current_id, kind, log, batch):
            moved += await _rewrap(database, master, binding, kind, log, rows, broken)
            seen += len(rows)
            if progress is not None:
                progress(min(seen, total), total)
    if broken:
        raise MasterKeyUnusable(
            f"{len(broken)} secrets do not open and were left as they are, the first being {broken[0]}; "
            "restore their rows from a backup."
        )
    return moved


async def count_wrapped(database: Executor, kinds: Sequence[Kind]) -> dict[str, int]:
    """Return how many secrets of *kinds* each master key wraps."""
    counts: dict[str, int] = {}
    for kind in kinds:
        for row in await database.fetch(query("count_wrapped", kind)):
            counts[row["master_key_id"]] = counts.get(row["master_key_id"], 0) + row["secrets"]
    return counts


async def check_openable(database: Executor, master: MasterKeys, binding: Binding, kinds: Sequence[Kind]) -> None:
    """Open one secret per kind and master key; raise `MasterKeyUnusable` for the first that stays shut."""
    _refuse_missing(master, await count_wrapped(database, kinds))
    for kind in kinds:
        for row in await database.fetch(query("sample_wrapped", kind)):
            wrapped = Wrapped(row["master_key_id"], row["wrapped"])
            master.unwrap(wrapped, binding(kind, row["log_name"], row["key_id"]))


def _refuse_missing(master: MasterKeys, counts: Mapping[str, int]) -> None:
    if missing := sorted(set(counts) - set(master.ids)):
        secrets = sum(counts[key_id] for key_id in missing)
        raise MasterKeyUnusable(
            f"{secrets} secrets are wrapped under {', '.join(missing)}, which is not among the master keys at hand "
            f"({', '.join(master.ids)}); put the missing line back into the master key file."
        )


async def _stale(
    database: Executor, current_id: str, kind: Kind, log: str, batch: int
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    last: UUID | None = None
    while rows := await database.fetch(query("read_stale", kind), log, current_id, last, batch):
        yield rows
        last = rows[-1]["key_id"]


async def _rewrap(
    database: Executor,
    master: MasterKeys,
    binding: Binding,
    kind: Kind,
    log: str,
    rows: Sequence[asyncpg.Record],
    broken: list[str],
) -> int:
    """Rewrap *rows*, adding to *broken* what does not open; return how many had not been yet."""
    ids: list[UUID] = []
    fresh: list[bytes] = []
    for row in rows:
        associated = binding(kind, log, row["key_id"])
        try:
            plaintext = master.unwrap(Wrapped(row["master_key_id"], row["wrapped"]), associated)
        except MasterKeyUnusable:
            broken.append(f"{row['key_id']} among the {kind.value} of log {log}")
            continue
        ids.append(row["key_id"])
        fresh.append(master.wrap(plaintext, associated).blob)
    done = await database.fetch(query("rewrap", kind), log, master.current_id, ids, fresh)
    return len(done)
