"""Where a credential stands, as JSON cut from a stencil: what the credentials of a set share is rendered once.

It is `rendering.credential` with `asOf` behind it, byte for byte; a property test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import orjson

from projections.credential_status.view import CredentialIssuer, CredentialRow
from registry.domain.events import Purpose, StatusProfile
from registry.domain.names import LogName
from registry.domain.status_list import credential_status, status_claim, status_entries
from registry.http.progress import AsOf
from registry.http.rendering import as_of

_STENCILS = 1_024
_ABOVE_INDICES = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Stencil:
    """What does not change from one credential to the next."""

    issuer: str
    """From behind the credential's id to its status."""
    between_indices: tuple[str, ...]
    """The entries and the claim, to be joined by the credential's index."""


def standing(row: CredentialRow, complete_until: str) -> bytes:
    """Return where a credential stands as anybody may see it; *complete_until* is what `as_of_text` made."""
    stencil = _stencil(row.issuer, row.profile, row.purposes)
    since = orjson.dumps(row.since, option=orjson.OPT_UTC_Z).decode()
    reason = f',"reason":"{row.reason}"' if row.reason is not None and row.issuer.public_reasons else ""
    validity = _member("validFrom", row.valid_from) + _member("validUntil", row.valid_until)
    return (
        f'{{"credentialId":{orjson.dumps(row.credential_id).decode()}{stencil.issuer}{row.status}"{reason}'
        f',"since":{since}{validity}{_member("message", row.message)}'
        f"{str(row.index).join(stencil.between_indices)}{complete_until}"
    ).encode()


def as_of_text(log: LogName, seen: AsOf) -> str:
    """Return the end of every answer: up to where it is complete."""
    return f',"asOf":{orjson.dumps(as_of(log, seen)).decode()}}}'


def _member(name: str, value: object) -> str:
    return f',"{name}":{orjson.dumps(value).decode()}' if value is not None else ""


@lru_cache(maxsize=_STENCILS)
def _stencil(issuer: CredentialIssuer, profile: StatusProfile, purposes: tuple[Purpose, ...]) -> Stencil:
    """Return the stencil of an issuer's credentials; cut where a number appears that stands in nothing but indices."""
    named = orjson.dumps({"id": issuer.did, "slug": issuer.slug, "name": issuer.name}).decode()
    at_zero = _entries(issuer, profile, purposes, 0)
    mark = next(number for number in count(_ABOVE_INDICES) if str(number) not in at_zero)
    between = tuple(_entries(issuer, profile, purposes, mark).split(str(mark)))
    return Stencil(f',"issuer":{named},"status":"', between)


def _entries(issuer: CredentialIssuer, profile: StatusProfile, purposes: tuple[Purpose, ...], index: int) -> str:
    """Return the members that tell where a credential at *index* has its status."""
    told = {"credentialStatus": credential_status(profile, status_entries(issuer.members, purposes, index))}
    if (claim := status_claim(issuer.members, purposes, index)) is not None:
        told["statusClaim"] = claim
    return "," + orjson.dumps(told).decode()[1:-1]
