"""The log's facts → where each credential stands; the same rows whatever the batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from projections.credential_status.codes import STATUS_CODES, credential_key, purpose_mask
from projections.credential_status.issuers import project_issuers
from projections.projection import Executor, Projection
from projections.text import storable
from registry.domain.credential import Status
from registry.domain.events import (
    CredentialMessageSet,
    CredentialRegistered,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSecured,
    CredentialSuperseded,
    CredentialSuspended,
    Reason,
    Recorded,
    StatusChanged,
)
from registry.domain.names import LogName

# $1 log_name, $2 credential keys, $3 issuers, $4 positions, $5 since, $6 status codes, $7 reasons, $8 successors,
# $9 digests, $10 messages, $11 credential ids, $12 registered positions, $13 sets, $14 indices, $15 purposes,
# $16 profiles, $17 validity from, $18 validity until
# No ON CONFLICT: a batch is applied exactly once, and if ever it were not, that must be heard.
_INSERT = """
INSERT INTO credentials (log_name, credential_key, issuer_id, position, since, status, reason, superseded_by, digest,
                         message, credential_id, registered_position, list_set, index, purposes, profile,
                         valid_from, valid_until)
SELECT $1, one.credential_key, one.issuer_id, one.position, one.since, one.status, one.reason, one.superseded_by,
       one.digest, one.message, one.credential_id, one.registered_position, one.list_set, one.index, one.purposes,
       one.profile, one.valid_from, one.valid_until
  FROM unnest($2::bytea[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::smallint[], $7::text[], $8::text[],
              $9::bytea[], $10::integer[], $11::text[], $12::bigint[], $13::uuid[], $14::integer[], $15::smallint[],
              $16::text[], $17::text[], $18::text[])
       AS one (credential_key, issuer_id, position, since, status, reason, superseded_by, digest, message,
               credential_id, registered_position, list_set, index, purposes, profile, valid_from, valid_until)
"""

# $1 log_name, $2 credential keys, $3 issuers, $4 positions, $5 since, $6 status codes (with $4, $5 and $7; NULL: the
# status did not change), $7 reasons, $8 successors, $9 digests and $10 messages (NULL: as before)
_UPDATE = """
UPDATE credentials AS credential
   SET position = coalesce(one.position, credential.position),
       since = coalesce(one.since, credential.since),
       status = coalesce(one.status, credential.status),
       reason = CASE WHEN one.status IS NULL THEN credential.reason ELSE one.reason END,
       superseded_by = coalesce(one.superseded_by, credential.superseded_by),
       digest = coalesce(one.digest, credential.digest),
       message = coalesce(one.message, credential.message)
  FROM unnest($2::bytea[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::smallint[], $7::text[], $8::text[],
              $9::bytea[], $10::integer[])
       AS one (credential_key, issuer_id, position, since, status, reason, superseded_by, digest, message)
 WHERE credential.log_name = $1
   AND credential.credential_key = one.credential_key
   AND credential.issuer_id = one.issuer_id
"""


@dataclass(slots=True)
class _Said:
    """What a batch says about one credential; None: nothing."""

    registration: tuple[object, ...] = ()
    """The columns that only the registration knows."""
    position: int | None = None
    since: datetime | None = None
    status: int | None = None
    reason: str | None = None
    superseded_by: str | None = None
    digest: bytes | None = None
    message: int | None = None

    def moved(self, recorded: Recorded, status: Status, reason: Reason | None = None) -> None:
        """Note that the status changed; the last word of a batch counts."""
        self.position, self.since = recorded.position, recorded.effective_at
        self.status, self.reason = STATUS_CODES[status], reason.value if reason else None


_Key = tuple[UUID, str]
"""Issuer and credential id."""


async def project(conn: Executor, log: LogName, batch: Sequence[Recorded]) -> None:
    """Insert what *batch* registers, in its state after the batch; update what was registered before."""
    await project_issuers(conn, log, batch)
    said = _fold(batch)
    fresh = [_insertion(key, one) for key, one in said.items() if one.registration]
    if fresh:
        await conn.execute(_INSERT, log, *map(list, zip(*fresh, strict=True)))
    changed = [_change(key, one) for key, one in said.items() if not one.registration]
    if changed:
        done = await conn.execute(_UPDATE, log, *map(list, zip(*changed, strict=True)))
        if done != f"UPDATE {len(changed)}":
            raise LookupError(f"{len(changed)} credentials changed, of which the rows know: {done}")


def _fold(batch: Sequence[Recorded]) -> dict[_Key, _Said]:
    said: dict[_Key, _Said] = {}
    for recorded in batch:
        event = recorded.event
        if isinstance(event, CredentialRegistered | CredentialSecured | StatusChanged):
            key = (event.issuer_id, event.credential_id)
            one = said.get(key)
            if one is None:
                one = said[key] = _Said()
            _apply(one, recorded)
    return said


def _apply(said: _Said, recorded: Recorded) -> None:
    match recorded.event:
        case CredentialRegistered() as event:
            said.moved(recorded, Status.ACTIVE)
            said.registration = _registration(recorded.position, event)
        case CredentialSecured(digest_sha256=digest):
            said.digest = bytes.fromhex(digest)
        case CredentialRevoked(reason=reason):
            said.moved(recorded, Status.REVOKED, reason)
        case CredentialSuspended(reason=reason):
            said.moved(recorded, Status.SUSPENDED, reason)
        case CredentialReinstated():
            said.moved(recorded, Status.ACTIVE)
        case CredentialSuperseded(by=by, reason=reason):
            said.moved(recorded, Status.SUPERSEDED, reason)
            said.superseded_by = by
        case CredentialMessageSet(value=value):
            said.message = value


def _registration(position: int, event: CredentialRegistered) -> tuple[object, ...]:
    given = event.allocation
    validity = (storable(event.valid_from), storable(event.valid_until))
    return (position, given.set_id, given.index, purpose_mask(event.purposes), event.profile.value, *validity)


def _insertion(key: _Key, said: _Said) -> tuple[object, ...]:
    return (*_change(key, said), key[1], *said.registration)


def _change(key: _Key, said: _Said) -> tuple[object, ...]:
    issuer_id, credential_id = key
    word = (said.position, said.since, said.status, said.reason, said.superseded_by, said.digest, said.message)
    return (credential_key(credential_id), issuer_id, *word)


CREDENTIAL_STATUS = Projection(
    name="credential_status",
    version=3,
    schema=(Path(__file__).parent / "schema.sql").read_text(encoding="utf-8"),
    tables=("credentials", "credential_issuers", "credential_lists"),
    project=project,
)
"""Where each credential stands."""
