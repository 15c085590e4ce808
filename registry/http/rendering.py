"""View rows and recorded facts → the JSON of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic.alias_generators import to_camel

from projections.credential_status.view import CredentialRow
from projections.issuer_directory.view import DirectoryEntry
from registry.domain.events import CredentialRegistered, Recorded
from registry.domain.names import LogName, position_text
from registry.domain.status_list import credential_status
from registry.http.progress import AsOf

Json = dict[str, Any]


def moment(value: datetime | None) -> str | None:
    """Return *value* as an XSD dateTimeStamp in UTC, to the microsecond where it has one."""
    if value is None:
        return None
    return (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()[: -len("+00:00")] + "Z"


def as_of(log: LogName, seen: AsOf) -> Json:
    """Return up to where an answer is known to be complete."""
    return {"log": log, "position": seen.position, "time": moment(seen.time)}


def credential(row: CredentialRow, *, with_reason: bool) -> Json:
    """Return where a credential stands; the reason only *with_reason*."""
    answer: Json = {
        "credentialId": row.credential_id,
        "issuer": {"id": row.issuer.did, "slug": row.issuer.slug, "name": row.issuer.name},
        "status": row.status,
    }
    if with_reason and row.reason is not None:
        answer["reason"] = row.reason
    answer["since"] = moment(row.since)
    if row.valid_from is not None:
        answer["validFrom"] = row.valid_from
    if row.valid_until is not None:
        answer["validUntil"] = row.valid_until
    if (message := row.message) is not None:
        answer["message"] = message
    answer["credentialStatus"] = credential_status(row.profile, row.entries)
    if (claim := row.claim) is not None:
        answer["statusClaim"] = claim
    return answer


def own_credential(log: LogName, row: CredentialRow) -> Json:
    """Return one of the caller's own credentials: with its reason, successor, and place in the log."""
    return {
        **credential(row, with_reason=True),
        **({"supersededBy": row.superseded_by} if row.superseded_by is not None else {}),
        **({"digestSha256": row.digest_sha256} if row.digest_sha256 is not None else {}),
        "position": position_text(log, row.position),
    }


def directory_entry(entry: DirectoryEntry) -> Json:
    """Return an issuer as the directory shows it."""
    return {
        "slug": entry.slug,
        "id": entry.did,
        "name": entry.name,
        "legalName": entry.legal_name,
        "url": entry.url,
        "logo": entry.logo,
        "kind": entry.kind,
        "jurisdiction": entry.jurisdiction,
        "identifiers": entry.identifiers,
        "status": entry.status,
        "since": moment(entry.since),
    }


_SAID_ELSEWHERE = {"type", "issuer_id", "credential_id", "allocation"}


def event(log: LogName, recorded: Recorded) -> Json:
    """Return one fact of a credential's history: what, when, who, why."""
    fact = recorded.event
    answer: Json = {
        "position": position_text(log, recorded.position),
        "type": fact.type,
        "recordedAt": moment(recorded.recorded_at),
        "effectiveAt": moment(recorded.effective_at),
        "actor": recorded.actor,
        "requestId": recorded.request_id,
        "eventId": str(recorded.event_id),
    }
    details = fact.model_dump(mode="json", exclude=_SAID_ELSEWHERE, exclude_none=True)
    answer.update({to_camel(name): value for name, value in details.items()})
    if isinstance(fact, CredentialRegistered):
        answer["statusListIndex"] = str(fact.allocation.index)
    return answer
