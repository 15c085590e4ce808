"""Which of an issuer's lists are Token Status Lists (IETF Token Status List, section 9: status list aggregation)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from projections import cursor as cursors
from projections.projection import Executor
from projections.status_lists.queries import sql
from projections.visibility import visible
from registry.domain.names import LogName
from registry.errors import Malformed

_AGGREGATION = sql("read_aggregation")
_PLACE = re.compile(r"([0-9]{1,18}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)
_START = (0, UUID(int=0))


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A page of the URLs of an issuer's lists, oldest first."""

    urls: tuple[str, ...]
    next_cursor: str | None


def aggregation_uri(origin: str, slug: str) -> str:
    """Return where an issuer's aggregation is asked for, as every one of its Token Status Lists says."""
    return f"{origin}/issuers/{slug}/status-lists"


@visible
async def aggregation(conn: Executor, log: LogName, issuer_id: UUID, *, limit: int, cursor: str | None) -> Aggregation:
    """Return the issuer's lists that are published as Token Status Lists; raises `Malformed` for a foreign cursor."""
    question = ("aggregation", log, str(issuer_id))
    after = _START if cursor is None else _place(cursors.decode(question, cursor))
    rows = await conn.fetch(_AGGREGATION, log, issuer_id, *after, limit + 1)
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = cursors.encode(question, f"{last['added_position']} {last['status_list_id']}")
    return Aggregation(tuple(row["url"] for row in rows[:limit]), following)


def _place(text: str) -> tuple[int, UUID]:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise Malformed("The cursor is not one of ours; ask for the first page again.", parameter="cursor")
    return int(found[1]), UUID(found[2])
