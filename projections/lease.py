"""Which of all processes of a database projects: one leads, as long as its connection lasts."""

from __future__ import annotations

from typing import Final

from projections.projection import Executor

TAKE: Final = "SELECT pg_try_advisory_lock(hashtext('registry.projections'), hashtext('leader'))"
"""Run on the connection whose end gives the lease back."""

# a lock of two keys shows them as oids, which are unsigned
_TAKEN = """
SELECT EXISTS (SELECT
                 FROM pg_locks
                WHERE locktype = 'advisory'
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND classid::bigint = hashtext('registry.projections')::bigint & 4294967295
                  AND objid::bigint = hashtext('leader')::bigint & 4294967295
                  AND objsubid = 2
                  AND granted)
"""


async def is_taken(conn: Executor) -> bool:
    """Return whether a process leads just now, on whichever machine."""
    [[taken]] = await conn.fetch(_TAKEN)
    return bool(taken)
