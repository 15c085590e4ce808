"""A `History` as a log in the database, and what a projection's rows look like from outside."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from projections.projection import Projection
from registry.domain.events import Recorded
from registry.log.codec import GENESIS, chain, encode
from tests.builders import History


async def write(dsn: str, history: History, *, upto: int | None = None) -> None:
    """Append what *history* has more than the log, up to position *upto*; *dsn* is the owner's."""
    conn = await asyncpg.connect(dsn)
    try:
        async with conn.transaction():
            head = await conn.fetchrow("SELECT position, hash FROM log_heads WHERE log_name = $1", history.log)
            position, last = head or (0, GENESIS)
            rows = []
            for one in history.recorded[position:upto]:
                body = encode(str(history.log_id), bytes(16), one)
                last = chain(last, body)
                rows.append(_row(history, one, body, last))
            if not rows:
                return
            await conn.executemany(
                "INSERT INTO events (log_name, position, stream, version, type, body, hash, recorded_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                rows,
            )
            await conn.execute(
                "INSERT INTO log_heads (log_name, position, hash, recorded_at) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (log_name) DO UPDATE SET position = $2, hash = $3, recorded_at = $4",
                history.log, rows[-1][1], last, rows[-1][7],
            )  # fmt: skip
            await conn.execute("SELECT pg_notify('registry_log', $1)", history.log)
    finally:
        await conn.close()


async def rows_of(dsn: str, projections: Sequence[Projection]) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows that readers can see, by table, in a fixed order."""
    conn = await asyncpg.connect(dsn)
    try:
        tables = [table for projection in projections for table in projection.tables]
        return {
            table: sorted((tuple(row) for row in await conn.fetch(f"SELECT * FROM projections.{table}")), key=repr)
            for table in tables
        }
    finally:
        await conn.close()


def _row(history: History, one: Recorded, body: bytes, hash_: bytes) -> tuple[object, ...]:
    return (history.log, one.position, one.stream, one.version, one.event.type, body, hash_, one.recorded_at)
