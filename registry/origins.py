"""A log's public origin: what is set, what the log was opened for, and what is in the world."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from registry.domain.events import LogOpened, Recorded
from registry.domain.names import LogName
from registry.log.connection import Connection
from registry.settings import Settings

_PUBLISHED = """
SELECT DISTINCT substring(url FROM '^[a-z]+://[^/]+') AS origin
  FROM projections.published_status_lists
 WHERE log_name = $1
"""


def unset(settings: Settings, log: LogName) -> str | None:
    """Return what to do where nobody chose the origin of a deployment's *log*; None: somebody did, or it is a trial."""
    if settings.logs or settings.env == "dev":
        return None
    return (
        f"REGISTRY_LOGS is not set, so everything issued names {settings.origins[log]}, which only this machine "
        f"reaches; set REGISTRY_LOGS={log}=https://… to the public origin before anything is issued."
    )


def opened_for(opening: Sequence[Recorded]) -> str | None:
    """Return the origin that the log with this *opening* was opened for."""
    return next((one.event.origin for one in opening if isinstance(one.event, LogOpened)), None)


def told(recorded: str | None, origin: str) -> str:
    """Return *origin*, and how it differs from the *recorded* one."""
    if recorded in (None, origin):
        return origin
    return f"{origin}, as REGISTRY_LOGS says, for all that is new; the log was opened for {recorded}, and goes on"


async def elsewhere(conn: Connection, log: LogName, origin: str) -> list[str]:
    """Return the origins other than *origin* that published lists, and so credentials in the world, name."""
    try:
        return sorted({row["origin"] for row in await conn.fetch(_PUBLISHED, log)} - {origin})
    except asyncpg.UndefinedTableError:
        return []
