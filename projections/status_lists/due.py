"""Which lists are to be published, in which order, and which of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from projections.status_lists.queries import sql
from registry.domain.names import LogName

_DUE = sql("read_due")


@dataclass(frozen=True, slots=True)
class Due:
    """A list that is to be published."""

    status_list_id: UUID
    list_set: UUID
    is_dirty: bool
    """Whether it must be published for what it says, or for the key that signed it, and not for its age alone."""
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Renewal:
    """When what has not changed is signed again, and how much of it in one pass."""

    soon: datetime
    """What is valid until then or shorter is due."""
    now_or_never: datetime
    """What is valid until then or shorter waits for no later pass."""
    most: int
    """Lists a pass of those that can wait."""


async def read_due(
    conn: asyncpg.Connection | PoolConnectionProxy,
    log: LogName,
    restore_position: int,
    renewal: Renewal,
) -> list[Due]:
    """Return the lists of *log* that are due: first those that say something new, then those that expire soon.

    Of what can wait, at most as many as *renewal* says: lists that were published together would be due together, too,
    and a revocation would wait for all of them.
    """
    dirty: list[Due] = []
    expiring: list[Due] = []
    can_wait: list[Due] = []
    lack_forms: list[Due] = []
    for row in await conn.fetch(_DUE, log, restore_position, renewal.soon):
        one = Due(row["status_list_id"], row["list_set"], row["is_dirty"], row["changed_at"])
        if one.is_dirty:
            dirty.append(one)
        elif row["valid_until"] <= renewal.now_or_never:
            expiring.append(one)
        else:
            (can_wait if row["is_urgent"] else lack_forms).append(one)
    return dirty + expiring + [*can_wait, *lack_forms][: renewal.most]


def batches(lists: Iterable[tuple[UUID, UUID]], most: int) -> Iterator[list[UUID]]:
    """Cut *lists*, each named after its set, into batches of at most *most*; those of one set stay together.

    So the lists of a set, which tell of the same credentials, are published from the same position. Only a set with
    more lists than *most* makes a larger batch.
    """
    by_set: dict[UUID, list[UUID]] = {}
    for list_set, status_list_id in lists:
        by_set.setdefault(list_set, []).append(status_list_id)
    batch: list[UUID] = []
    for together in by_set.values():
        if batch and len(batch) + len(together) > most:
            yield batch
            batch = []
        batch = batch + together
    if batch:
        yield batch
