"""The vault's SQL, one query per file in `sql/`, and what it needs of a database."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import asyncpg

_SQL = Path(__file__).parent / "sql"


class Executor(Protocol):
    """Runs one statement in a transaction of its own; an `asyncpg.Pool` is one.

    A lone connection will do where nothing runs in parallel. What it raises, the vault lets through. Every statement
    of the vault may be repeated when its outcome is unknown, so an executor may try again by itself.
    """

    async def fetch(self, query: str, /, *args: Any) -> Sequence[asyncpg.Record]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, /, *args: Any) -> asyncpg.Record | None:
        """Return the first row, or None."""
        ...


class Kind(StrEnum):
    """A kind of wrapped secret; the value is its table's name, and part of what its wrapping is bound to."""

    SIGNING = "signing_keys"
    PERMUTATION = "permutation_keys"
    PEPPER = "peppers"


@cache
def query(name: str, kind: Kind | None = None) -> str:
    """Return the text of `sql/<name>.sql`; where one text serves all kinds, for *kind*'s table."""
    text = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    return text if kind is None else text.replace("{kind}", kind.value)
