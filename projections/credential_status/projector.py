"""The log's facts → where each credential stands; the same rows whatever the batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from projections.credential_status.codes import PURPOSES, STATUS_CODES, credential_key, purpose_mask
from projections.credential_status.issuers import project_issuers
from projections.projection import Executor, Projection, about
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
    Purpose,
    Reason,
    Recorded,
)
from registry.domain.names import LogName, Stream

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


_COLUMNS = (
    "credential_key", "issuer_id", "position", "since", "status", "reason", "superseded_by", "digest", "message",
    "log_name", "credential_id", "registered_position", "list_set", "index", "purposes", "profile", "valid_from",
    "valid_until",
)  # fmt: skip
_POSITION, _SINCE, _STATUS, _REASON, _SUPERSEDED_BY, _DIGEST, _MESSAGE = range(2, 9)
_CHANGEABLE = 9
"""What an event after the registration may change comes first in a row."""

_MASKS = {tuple(purposes): mask for mask, purposes in PURPOSES.items()}
_ACTIVE, _SUSPENDED, _REVOKED, _SUPERSEDED = (
    STATUS_CODES[one] for one in (Status.ACTIVE, Status.SUSPENDED, Status.REVOKED, Status.SUPERSEDED)
)
_OF_CREDENTIALS = frozenset(
    (CredentialRegistered, CredentialSecured, CredentialRevoked, CredentialSuspended, CredentialReinstated,
     CredentialSuperseded, CredentialMessageSet)
)  # fmt: skip

Row = list[Any]
"""What a batch says about one credential, in the order of `_COLUMNS`; None: nothing. Shorter if it registers none."""


async def project(conn: Executor, log: LogName, batch: Sequence[Recorded]) -> None:
    """Insert what *batch* registers, in its state after the batch; update what was registered before."""
    await project_issuers(conn, log, batch)
    fresh, changed = _fold(log, batch)
    if fresh:
        # A batch is applied exactly once; if ever it were not, COPY would say so: it knows no ON CONFLICT.
        await conn.copy_records_to_table("credentials", records=fresh.values(), columns=_COLUMNS)
    if changed:
        done = await conn.execute(_UPDATE, log, *map(list, zip(*changed.values(), strict=True)))
        if done != f"UPDATE {len(changed)}":
            raise LookupError(f"{len(changed)} credentials changed, of which the rows know: {done}")


def _fold(log: LogName, batch: Sequence[Recorded]) -> tuple[dict[Stream, Row], dict[Stream, Row]]:
    """Return the rows of new credentials, and what to change in those of older ones; a credential has one stream."""
    fresh: dict[Stream, Row] = {}
    changed: dict[Stream, Row] = {}
    for recorded in about(batch, _OF_CREDENTIALS):
        event = recorded.event
        if type(event) is CredentialRegistered:
            fresh[recorded.stream] = _registration(log, recorded, event)
            continue
        row = fresh.get(recorded.stream) or changed.get(recorded.stream)
        if row is None:
            row = changed[recorded.stream] = _nothing(event)
        _apply(row, recorded)
    return fresh, changed


def _registration(log: LogName, recorded: Recorded, event: CredentialRegistered) -> Row:
    given, position = event.allocation, recorded.position
    return [
        credential_key(event.credential_id), event.issuer_id, position, recorded.effective_at, _ACTIVE,
        None, None, None, None,
        log, event.credential_id, position, given.set_id, given.index, _mask(event.purposes), event.profile,
        storable(event.valid_from), storable(event.valid_until),
    ]  # fmt: skip


def _mask(purposes: tuple[Purpose, ...]) -> int:
    mask = _MASKS.get(purposes)
    return purpose_mask(purposes) if mask is None else mask


def _nothing(event: Any) -> Row:
    return [credential_key(event.credential_id), event.issuer_id, *[None] * (_CHANGEABLE - 2)]


def _apply(row: Row, recorded: Recorded) -> None:
    """Note what is said; the last word of a batch counts."""
    match recorded.event:
        case CredentialSecured(digest_sha256=digest):
            row[_DIGEST] = bytes.fromhex(digest)
        case CredentialMessageSet(value=value):
            row[_MESSAGE] = value
        case CredentialRevoked(reason=reason):
            _move(row, recorded, _REVOKED, reason)
        case CredentialSuspended(reason=reason):
            _move(row, recorded, _SUSPENDED, reason)
        case CredentialReinstated():
            _move(row, recorded, _ACTIVE)
        case CredentialSuperseded(by=by, reason=reason):
            _move(row, recorded, _SUPERSEDED, reason)
            row[_SUPERSEDED_BY] = by


def _move(row: Row, recorded: Recorded, status: int, reason: Reason | None = None) -> None:
    row[_POSITION], row[_SINCE], row[_STATUS] = recorded.position, recorded.effective_at, status
    row[_REASON] = reason.value if reason else None


CREDENTIAL_STATUS = Projection(
    name="credential_status",
    version=3,
    schema=(Path(__file__).parent / "schema.sql").read_text(encoding="utf-8"),
    tables=("credentials", "credential_issuers", "credential_lists"),
    project=project,
)
"""Where each credential stands."""
