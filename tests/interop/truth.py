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


async def log_and_lists(dsn: str) -> oracle.Checked:
    """Return the log, having found nothing wrong with it, nor with any list that was published from it."""
    conn = await asyncpg.connect(dsn)
    try:
        # first the lists: what they stand for is then in the log that is read afterwards
        rows = await conn.fetch(_PUBLISHED)
    finally:
        await conn.close()
    checked = await oracle.check(dsn)
    assert rows, "nothing was published"
    oracle.check_published(checked, (oracle.Published(**dict(row)) for row in rows))
    return checked
