"""The outsider's view of a database: its log, and every list it has published."""

from __future__ import annotations

import asyncpg

from tests import oracle


async def log_and_lists(dsn: str) -> oracle.Checked:
    """Return the log, having found nothing wrong with it, nor with any list that was published from it."""
    conn = await asyncpg.connect(dsn)
    try:
        # first the lists: what they stand for is then in the log that is read afterwards
        rows = await conn.fetch(
            "SELECT status_list_id, body, position FROM projections.published_status_lists WHERE log_name = 'main'"
        )
    finally:
        await conn.close()
    checked = await oracle.check(dsn)
    assert rows, "nothing was published"
    oracle.check_published(checked, {row["status_list_id"]: (row["body"], row["position"]) for row in rows})
    return checked
