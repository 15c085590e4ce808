"""The controller document of an issuer's did:web: which keys may sign for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from asyncpg import Record

from projections.issuer_directory.view import MethodRow, Reader
from projections.visibility import visible
from registry.domain.keys import KeyState
from registry.domain.names import LogName
from registry.securing import did as dids
from registry.securing.public_key import PublicKey

# $1 log_name, $2 issuers with an event after this position, $3 after this slug, $4 how many issuers
_CONTROLLERS = """
SELECT issuers.slug, issuers.did, issuers.position AS moved,
       methods.method_id, methods.controller, methods.public_key_multibase, methods.key_id, methods.added_at,
       methods.position, methods.state, methods.until
  FROM (SELECT i.log_name, i.issuer_id, i.slug, i.did, i.position
          FROM projections.issuers AS i
         WHERE i.log_name = $1 AND i.did IS NOT NULL AND i.position > $2 AND i.slug > $3
           AND EXISTS (SELECT 1 FROM projections.issuer_methods AS m
                        WHERE m.log_name = i.log_name AND m.issuer_id = i.issuer_id)
         ORDER BY i.slug
         LIMIT $4) AS issuers
  JOIN projections.issuer_methods AS methods
    ON methods.log_name = issuers.log_name AND methods.issuer_id = issuers.issuer_id
 ORDER BY issuers.slug, methods.position
"""

_HEADS = "SELECT log_name, max(position) AS position FROM projections.issuers GROUP BY log_name"


@dataclass(frozen=True, slots=True)
class Controller:
    """An issuer as the one who controls its keys."""

    slug: str
    did: str
    """The one it speaks under now."""
    position: int
    """Of the last event about the issuer."""
    methods: tuple[MethodRow, ...]

    def document(self) -> dict[str, Any] | None:
        """Return the document that lies at `/issuers/{slug}/did.json`; None: none does."""
        return document_at(self.slug, self.did, self.methods)


@visible
async def heads(conn: Reader) -> dict[LogName, int]:
    """Return for each log that has issuers the position of the last event about one of them."""
    return {LogName(name): position for name, position in await conn.fetch(_HEADS)}


@visible
async def controllers(conn: Reader, log: LogName, *, since: int, after: str, limit: int) -> tuple[Controller, ...]:
    """Return the first *limit* issuers behind the slug *after* of which an event tells after the position *since*."""
    rows = await conn.fetch(_CONTROLLERS, log, since, after, limit)
    return tuple(
        Controller(*names, tuple(_method(row) for row in group))
        for names, group in groupby(rows, key=lambda row: (row["slug"], row["did"], row["moved"]))
    )


def _method(row: Record) -> MethodRow:
    known = {name: row[name] for name in MethodRow.__slots__}
    return MethodRow(**{**known, "state": KeyState(row["state"])})


def document_at(slug: str, did: str, methods: Sequence[MethodRow]) -> dict[str, Any] | None:
    """Return the document that lies at `/issuers/{slug}/did.json`; None where none of the issuer's DIDs lies there.

    *did* is the one it speaks under now; of those that lie there that one, or else the latest.
    """
    path = f"/issuers/{slug}/did.json"
    names = [method.controller for method in methods if _lies_at(method.controller, path)]
    if not names:
        return None
    return document(did if did in names else names[-1], methods)


def document(did: str, methods: Sequence[MethodRow]) -> dict[str, Any]:
    """Return the document of *did*, one of the issuer's: all its keys but those that were compromised."""
    ours = [
        dids.Method(row.method_id, PublicKey.from_multikey(row.public_key_multibase))
        for row in methods
        if row.controller == did and row.state is not KeyState.COMPROMISED
    ]
    return dids.controller_document(did, ours)


def _lies_at(did: str, path: str) -> bool:
    """Whether the document of *did* lies at *path*, of this origin or of one that the registry had before."""
    return did.startswith("did:web:") and urlsplit(dids.did_web_url(did)).path == path
