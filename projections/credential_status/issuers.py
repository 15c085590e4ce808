"""What credentials share: the issuer's names and the set's lists, kept here so that one checkpoint covers an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from projections.projection import Executor
from projections.text import storable
from registry.domain.events import DidAdopted, IssuerRegistered, IssuerUpdated, Recorded, StatusListSetOpened
from registry.domain.names import LogName

# $1 log_name, $2 issuers
_LOAD = """
SELECT issuer_id, slug, name, public_reasons, dids
  FROM credential_issuers
 WHERE log_name = $1 AND issuer_id = ANY ($2::uuid[])
"""

# $1 log_name, $2 JSON array of rows
_SAVE = """
INSERT INTO credential_issuers (log_name, issuer_id, slug, name, public_reasons, dids)
SELECT $1, one.issuer_id, one.slug, one.name, one.public_reasons, one.dids
  FROM jsonb_to_recordset($2::jsonb)
       AS one (issuer_id uuid, slug text, name text, public_reasons boolean, dids text[])
    ON CONFLICT (log_name, issuer_id) DO UPDATE
   SET name = excluded.name, public_reasons = excluded.public_reasons, dids = excluded.dids
"""

# $1 log_name, $2 JSON array of rows
_ADD_LISTS = """
INSERT INTO credential_lists (log_name, list_set, issuer_id, issuer_did, purposes, status_list_ids, urls)
SELECT $1, one.list_set, one.issuer_id, one.issuer_did, one.purposes, one.status_list_ids, one.urls
  FROM jsonb_to_recordset($2::jsonb)
       AS one (list_set uuid, issuer_id uuid, issuer_did text, purposes text[], status_list_ids uuid[], urls text[])
"""

Row = dict[str, Any]


async def project_issuers(conn: Executor, log: LogName, batch: Sequence[Recorded]) -> None:
    """Apply what *batch* says about issuers and their lists; few events do."""
    about = [one for one in batch if isinstance(one.event, IssuerRegistered | DidAdopted | IssuerUpdated)]
    if about:
        rows = {row["issuer_id"]: dict(row) for row in await conn.fetch(_LOAD, log, list({_id(one) for one in about}))}
        for recorded in about:
            _apply(rows, recorded)
        await conn.execute(_SAVE, log, orjson.dumps(list(rows.values()), default=str).decode())
    opened = [_lists(one.event) for one in batch if isinstance(one.event, StatusListSetOpened)]
    if opened:
        await conn.execute(_ADD_LISTS, log, orjson.dumps(opened).decode())


def _id(recorded: Recorded) -> UUID:
    issuer_id: UUID = recorded.event.issuer_id  # type: ignore[union-attr]  # selected by type
    return issuer_id


def _apply(rows: dict[UUID, Row], recorded: Recorded) -> None:
    match recorded.event:
        case IssuerRegistered(issuer_id=issuer_id) as event:
            rows[issuer_id] = {
                "issuer_id": issuer_id,
                "slug": event.slug,
                "name": storable(event.profile.name),
                "public_reasons": event.public_reasons,
                "dids": [],
            }
        case IssuerUpdated(issuer_id=issuer_id) as event:
            rows[issuer_id].update(name=storable(event.profile.name), public_reasons=event.public_reasons)
        case DidAdopted(issuer_id=issuer_id, did=did):
            rows[issuer_id]["dids"] = [*rows[issuer_id]["dids"], storable(did)]


def _lists(event: StatusListSetOpened) -> Row:
    return {
        "list_set": event.set_id,
        "issuer_id": event.issuer_id,
        "issuer_did": storable(event.issuer_did),
        "purposes": [member.purpose.value for member in event.members],
        "status_list_ids": [member.status_list_id for member in event.members],
        "urls": [storable(member.url) for member in event.members],
    }
