"""What a projection is: a name, a version, tables, and a way to apply a batch of facts to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from asyncpg import Connection
from asyncpg.pool import PoolConnectionProxy

from registry.domain.events import Recorded
from registry.domain.names import LogName

Executor = Connection | PoolConnectionProxy

Project = Callable[[Executor, LogName, Sequence[Recorded]], Awaitable[None]]
"""Applies consecutive events of one log, one statement per table, inside the caller's transaction.

Tables are named without a schema: the runner points `search_path` at the generation it fills.
"""


def about(batch: Sequence[Recorded], facts: frozenset[type]) -> Sequence[Recorded]:
    """Return what of *batch* is one of *facts*, in order; every event is looked at, so briefly."""
    return [one for one in batch if type(one.event) in facts]


@dataclass(frozen=True, slots=True)
class Projection:
    """One read model. Raise `version` when tables or meaning change; the rows are then rebuilt, never migrated."""

    name: str
    version: int
    schema: str
    """The SQL that creates its tables; every primary key and unique constraint begins with `log_name`."""
    tables: tuple[str, ...]
    project: Project
