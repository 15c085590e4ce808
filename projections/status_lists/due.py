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


async def read_due(
    conn: asyncpg.Connection | PoolConnectionProxy,
    log: LogName,
    restore_position: int,
    soon: datetime,
    *,
    most_at_leisure: int,
) -> list[Due]:
    """Return the lists of *log* that are due, the most pressing first; of those that can wait, *most_at_leisure*.

    What is valid until *soon* or shorter is due.
    """
    urgent: list[Due] = []
    at_leisure: list[Due] = []
    for row in await conn.fetch(_DUE, log, restore_position, soon):
        one = Due(row["status_list_id"], row["list_set"], row["is_dirty"], row["changed_at"])
        (urgent if row["is_urgent"] else at_leisure).append(one)
    return urgent + at_leisure[:most_at_leisure]


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
