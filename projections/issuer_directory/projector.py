"""The log's facts → the directory of issuers; the same rows whatever the batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import orjson

from projections.issuer_directory.searching import grams, join
from projections.projection import Executor, Projection, about
from projections.text import storable
from registry.domain.events import (
    DidAdopted,
    DidProposed,
    IssuerProfile,
    IssuerRegistered,
    IssuerReinstated,
    IssuerSuspended,
    IssuerUpdated,
    IssuerWithdrawn,
    Recorded,
    VerificationMethodAdded,
    VerificationMethodCompromised,
    VerificationMethodRetired,
)
from registry.domain.issuer import IssuerStatus
from registry.domain.keys import KeyState
from registry.domain.names import LogName

# $1 log_name, $2 issuers
_LOAD = """
SELECT issuer_id, slug, did, proposed_did, is_delegated, name, legal_name, url, logo, kind, jurisdiction,
       identifiers::text AS identifiers, status, since, status_profile, public_reasons, position
  FROM issuers
 WHERE log_name = $1 AND issuer_id = ANY ($2::uuid[])
"""

# $1 log_name, $2 JSON array of rows
_SAVE = """
INSERT INTO issuers (log_name, issuer_id, slug, did, proposed_did, is_delegated, name, legal_name, url, logo, kind,
                     jurisdiction, identifiers, status, since, status_profile, public_reasons, position, search_text,
                     grams)
SELECT $1, one.issuer_id, one.slug, one.did, one.proposed_did, one.is_delegated, one.name, one.legal_name, one.url,
       one.logo, one.kind, one.jurisdiction, one.identifiers, one.status, one.since, one.status_profile,
       one.public_reasons, one.position, one.search_text, one.grams
  FROM jsonb_to_recordset($2::jsonb)
       AS one (issuer_id uuid, slug text, did text, proposed_did text, is_delegated boolean, name text,
               legal_name text, url text, logo text, kind text, jurisdiction text, identifiers jsonb, status text,
               since timestamptz, status_profile text, public_reasons boolean, position bigint, search_text text,
               grams text[])
    ON CONFLICT (log_name, issuer_id) DO UPDATE
   SET did = excluded.did, proposed_did = excluded.proposed_did, is_delegated = excluded.is_delegated,
       name = excluded.name, legal_name = excluded.legal_name, url = excluded.url, logo = excluded.logo,
       kind = excluded.kind, jurisdiction = excluded.jurisdiction, identifiers = excluded.identifiers,
       status = excluded.status, since = excluded.since, status_profile = excluded.status_profile,
       public_reasons = excluded.public_reasons, position = excluded.position, search_text = excluded.search_text,
       grams = excluded.grams
"""

# $1 log_name, $2 DIDs, $3 positions, $4 issuers, $5 times
_ADD_DIDS = """
INSERT INTO issuer_dids (log_name, did, position, issuer_id, adopted_at)
SELECT $1, one.did, one.position, one.issuer_id, one.adopted_at
  FROM unnest($2::text[], $3::bigint[], $4::uuid[], $5::timestamptz[]) AS one (did, position, issuer_id, adopted_at)
"""

# $1 log_name, $2 issuers, $3 positions, $4 method ids, $5 controllers, $6 public keys, $7 keys in the vault, $8 times
_ADD_METHODS = """
INSERT INTO issuer_methods (log_name, issuer_id, position, method_id, controller, public_key_multibase, key_id,
                            added_at, state)
SELECT $1, one.issuer_id, one.position, one.method_id, one.controller, one.public_key_multibase, one.key_id,
       one.added_at, 'active'
  FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[])
       AS one (issuer_id, position, method_id, controller, public_key_multibase, key_id, added_at)
"""

# $1 log_name, $2 issuers, $3 method ids, $4 states, $5 from when on
_END_METHODS = """
UPDATE issuer_methods AS methods
   SET state = one.state, until = one.until
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) AS one (issuer_id, method_id, state, until)
 WHERE methods.log_name = $1 AND methods.issuer_id = one.issuer_id AND methods.method_id = one.method_id
"""

IssuerEvent = (
    IssuerRegistered | DidAdopted | VerificationMethodAdded | IssuerUpdated
    | DidProposed | VerificationMethodRetired | VerificationMethodCompromised
    | IssuerSuspended | IssuerReinstated | IssuerWithdrawn
)  # fmt: skip

_OF_ISSUERS = frozenset(get_args(IssuerEvent))

Row = dict[str, Any]


async def project(conn: Executor, log: LogName, batch: Sequence[Recorded]) -> None:
    """Fold what *batch* says about issuers over their rows; most batches say nothing."""
    said = [(one, one.event) for one in about(batch, _OF_ISSUERS) if isinstance(one.event, IssuerEvent)]
    if not said:
        return
    rows = await _load(conn, log, list({event.issuer_id for _, event in said}))
    for recorded, event in said:
        rows[event.issuer_id] = _after(rows.get(event.issuer_id, {}), recorded, event)
    for row in rows.values():
        row["search_text"] = _search_text(row)
        row["grams"] = grams(row["search_text"])
    await conn.execute(_SAVE, log, orjson.dumps(list(rows.values()), default=str).decode())
    dids = [
        (storable(event.did), one.position, event.issuer_id, one.effective_at)
        for one, event in said
        if isinstance(event, DidAdopted)
    ]
    if dids:
        await conn.execute(_ADD_DIDS, log, *map(list, zip(*dids, strict=True)))
    methods = [_method(one, event) for one, event in said if isinstance(event, VerificationMethodAdded)]
    if methods:
        await conn.execute(_ADD_METHODS, log, *map(list, zip(*methods, strict=True)))
    if ended := _ended(said):
        await conn.execute(_END_METHODS, log, *map(list, zip(*ended, strict=True)))


async def _load(conn: Executor, log: LogName, issuers: Sequence[UUID]) -> dict[UUID, Row]:
    return {
        row["issuer_id"]: {**row, "identifiers": orjson.loads(row["identifiers"])}
        for row in await conn.fetch(_LOAD, log, issuers)
    }


def _after(row: Row, recorded: Recorded, event: IssuerEvent) -> Row:
    """Return an issuer's row after *event*."""
    changed: Row = {"position": recorded.position}
    match event:
        case IssuerRegistered():
            changed |= {"issuer_id": event.issuer_id, "slug": event.slug, "did": None}
            changed |= {"proposed_did": None, "is_delegated": False}
            changed |= _description(event) | _standing(IssuerStatus.ACTIVE, recorded.effective_at)
        case IssuerUpdated():
            changed |= _description(event)
        case DidProposed(did=did):
            changed |= {"proposed_did": storable(did)}
        case DidAdopted(did=did):
            changed |= {"did": storable(did), "is_delegated": storable(did) == row["proposed_did"]}
        case IssuerSuspended():
            changed |= _standing(IssuerStatus.SUSPENDED, recorded.effective_at)
        case IssuerReinstated():
            changed |= _standing(IssuerStatus.ACTIVE, recorded.effective_at)
        case IssuerWithdrawn():
            changed |= _standing(IssuerStatus.WITHDRAWN, recorded.effective_at)
    return {**row, **changed}


def _standing(status: IssuerStatus, since: datetime) -> Row:
    return {"status": status.value, "since": since}


def _description(event: IssuerRegistered | IssuerUpdated) -> Row:
    profile: IssuerProfile = event.profile
    return {
        "name": storable(profile.name),
        "legal_name": storable(profile.legal_name),
        "url": storable(profile.url),
        "logo": storable(profile.logo),
        "kind": profile.kind.value,
        "jurisdiction": storable(profile.jurisdiction),
        "identifiers": {storable(name): storable(value) for name, value in profile.identifiers.items()},
        "status_profile": event.status_profile.value,
        "public_reasons": event.public_reasons,
    }


def _search_text(row: Row) -> str:
    return join(
        (row["name"], row["legal_name"], row["slug"], *(row["identifiers"][key] for key in sorted(row["identifiers"])))
    )


def _method(recorded: Recorded, event: VerificationMethodAdded) -> tuple[object, ...]:
    method = event.method
    texts = (storable(method.id), storable(method.controller), storable(method.public_key_multibase))
    return (event.issuer_id, recorded.position, *texts, method.key_id, recorded.effective_at)


def _ended(said: Sequence[tuple[Recorded, IssuerEvent]]) -> list[tuple[object, ...]]:
    """The last word on each method that may not sign any more."""
    last: dict[tuple[UUID, str], tuple[str, datetime]] = {}
    for recorded, event in said:
        match event:
            case VerificationMethodRetired():
                word = (KeyState.RETIRED.value, recorded.effective_at)
            case VerificationMethodCompromised(since=since):
                word = (KeyState.COMPROMISED.value, since)
            case _:
                continue
        last[event.issuer_id, storable(event.method_id)] = word
    return [(*key, *word) for key, word in last.items()]


ISSUER_DIRECTORY = Projection(
    name="issuer_directory",
    version=2,
    schema=(Path(__file__).parent / "schema.sql").read_text(encoding="utf-8"),
    tables=("issuers", "issuer_dids", "issuer_methods"),
    project=project,
)
"""Who may issue."""
