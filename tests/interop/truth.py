"""The outsider's view of a database: its log, and every list it has published."""

from __future__ import annotations

import asyncpg

from tests import oracle

_PUBLISHED = """
SELECT p.status_list_id AS list_id, 'application/vc' AS media_type, p.body AS content, p.position
  FROM projections.published_status_lists AS p
 WHERE p.log_name = 'main' AND p.body IS NOT NULL
 UNION ALL
SELECT f.status_list_id, f.media_type, f.content, p.position
  FROM projections.published_forms AS f
  JOIN projections.published_status_lists AS p USING (log_name, status_list_id, sequence)
 WHERE f.log_name = 'main'
"""


async def published(dsn: str) -> list[oracle.Published]:
    """Return every form of every list that is published."""
    conn = await asyncpg.connect(dsn)
    try:
        return [oracle.Published(**dict(row)) for row in await conn.fetch(_PUBLISHED)]
    finally:
        await conn.close()


async def log_and_lists(dsn: str) -> oracle.Checked:
    """Return the log, having found nothing wrong with it, nor with any list that was published from it."""
    # first the lists: what they stand for is then in the log that is read afterwards
    lists = await published(dsn)
    checked = await oracle.check(dsn)
    assert lists, "nothing was published"
    oracle.check_published(checked, lists)
    return checked
