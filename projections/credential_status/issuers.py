"""What credentials share: the issuer's names and the set's lists, kept here so that one checkpoint covers an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from projections.projection import Executor, about
from projections.text import storable
from registry.domain.events import (
    CredentialRevoked,
    DidAdopted,
    IssuerLegacyListsChosen,
    IssuerRegistered,
    IssuerUpdated,
    ListMember,
    Recorded,
    StatusListMemberAdded,
    StatusListSetOpened,
)
from registry.domain.names import LogName

# $1 log_name, $2 issuers
_LOAD = """
SELECT issuer_id, slug, name, public_reasons, dids, legacy_lists
  FROM credential_issuers
 WHERE log_name = $1 AND issuer_id = ANY ($2::uuid[])
"""

# $1 log_name, $2 JSON array of rows
_SAVE = """
INSERT INTO credential_issuers (log_name, issuer_id, slug, name, public_reasons, dids, legacy_lists, revoked_position)
SELECT $1, one.issuer_id, one.slug, one.name, one.public_reasons, one.dids, one.legacy_lists, 0
  FROM jsonb_to_recordset($2::jsonb)
       AS one (issuer_id uuid, slug text, name text, public_reasons boolean, dids text[], legacy_lists text[])
    ON CONFLICT (log_name, issuer_id) DO UPDATE
   SET name = excluded.name, public_reasons = excluded.public_reasons, dids = excluded.dids,
       legacy_lists = excluded.legacy_lists
"""

# $1 log_name, $2 issuers, $3 positions
_NOTE_REVOCATIONS = """
UPDATE credential_issuers AS issuer
   SET revoked_position = one.position
  FROM unnest($2::uuid[], $3::bigint[]) AS one (issuer_id, position)
 WHERE issuer.log_name = $1 AND issuer.issuer_id = one.issuer_id
"""

# $1 log_name, $2 sets
_LOAD_LISTS = """
SELECT list_set, issuer_id, issuer_did, members
  FROM credential_lists
 WHERE log_name = $1 AND list_set = ANY ($2::uuid[])
"""

# $1 log_name, $2 JSON array of rows
_SAVE_LISTS = """
INSERT INTO credential_lists (log_name, list_set, issuer_id, issuer_did, members, purposes, status_list_ids, urls)
SELECT $1, one.list_set, one.issuer_id, one.issuer_did, one.members, known.purposes, known.status_list_ids, known.urls
  FROM jsonb_to_recordset($2::jsonb)
       AS one (list_set uuid, issuer_id uuid, issuer_did text, members jsonb)
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(m.purpose), '{}') AS purposes, coalesce(array_agg(m.url), '{}') AS urls,
              coalesce(array_agg(m.status_list_id), '{}') AS status_list_ids
         FROM jsonb_to_recordset(one.members) AS m (purpose text, status_list_id uuid, url text)
        WHERE m.purpose IN ('revocation', 'suspension')) AS known
    ON CONFLICT (log_name, list_set) DO UPDATE
   SET members = excluded.members
"""

Row = dict[str, Any]


async def project_issuers(conn: Executor, log: LogName, batch: Sequence[Recorded]) -> None:
    """Apply what *batch* says about issuers and their lists; few events do."""
    if said := about(batch, _OF_ISSUERS):
        rows = {row["issuer_id"]: dict(row) for row in await conn.fetch(_LOAD, log, list({_id(one) for one in said}))}
        for recorded in said:
            _apply(rows, recorded)
        await conn.execute(_SAVE, log, orjson.dumps(list(rows.values()), default=str).decode())
    revoked = {_id(one): one.position for one in about(batch, _REVOKED)}
    if revoked:
        await conn.execute(_NOTE_REVOCATIONS, log, list(revoked), list(revoked.values()))
    await _project_lists(conn, log, about(batch, _OF_LISTS))


_OF_ISSUERS = frozenset((IssuerRegistered, DidAdopted, IssuerUpdated, IssuerLegacyListsChosen))
_OF_LISTS = frozenset((StatusListSetOpened, StatusListMemberAdded))
_REVOKED = frozenset((CredentialRevoked,))


async def _project_lists(conn: Executor, log: LogName, said: Sequence[Recorded]) -> None:
    if not said:
        return
    grown = {one.event.set_id for one in said if isinstance(one.event, StatusListMemberAdded)}
    found = await conn.fetch(_LOAD_LISTS, log, list(grown)) if grown else ()
    rows = {row["list_set"]: {**dict(row), "members": orjson.loads(row["members"])} for row in found}
    for recorded in said:
        match recorded.event:
            case StatusListSetOpened() as event:
                rows[event.set_id] = _lists(event)
            case StatusListMemberAdded() as event:
                rows[event.set_id]["members"].append(_member(event.member))
    await conn.execute(_SAVE_LISTS, log, orjson.dumps(list(rows.values()), default=str).decode())


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
                "legacy_lists": [],
            }
        case IssuerUpdated(issuer_id=issuer_id) as event:
            rows[issuer_id].update(name=storable(event.profile.name), public_reasons=event.public_reasons)
        case IssuerLegacyListsChosen(issuer_id=issuer_id, lists=lists):
            rows[issuer_id]["legacy_lists"] = [one.value for one in lists]
        case DidAdopted(issuer_id=issuer_id, did=did):
            rows[issuer_id]["dids"] = [*rows[issuer_id]["dids"], storable(did)]


def _lists(event: StatusListSetOpened) -> Row:
    return {
        "list_set": event.set_id,
        "issuer_id": event.issuer_id,
        "issuer_did": storable(event.issuer_did),
        "members": [_member(member) for member in event.members],
    }


def _member(member: ListMember) -> Row:
    return {
        **member.model_dump(mode="json", exclude_none=True),
        "url": storable(member.url),
        **({"messages": _messages(member)} if member.messages is not None else {}),
    }


def _messages(member: ListMember) -> list[Row]:
    return [{"status": one.status, "message": storable(one.message)} for one in member.messages or ()]
