"""What a verifier must be handed: everything it asks others for, as callables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from registry.domain.names import LogName
from registry.securing.proofs import CanonicalOf, KeyOf
from registry.verifier.verification import StatusFinding


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """One entry of a list that is published here, as of its latest publication."""

    purpose: str
    issuer: str
    """Of the list: a DID."""
    value: int
    published_at: datetime
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class IssuerStanding:
    """An issuer that is registered here."""

    slug: str
    name: str
    status: str
    """`active`, `suspended` or `withdrawn`."""
    since: datetime
    """The status holds from here."""


@dataclass(frozen=True, slots=True)
class CredentialStanding:
    """A credential that is registered here."""

    status: str
    """`active`, `suspended`, `revoked` or `superseded`."""
    since: datetime
    digest_sha256: str | None = None
    """Of the secured credential, in hexadecimal; None: it was signed elsewhere."""


class ForeignStatus(Protocol):
    """Reads one entry of `credentialStatus` whose list is somebody else's."""

    async def __call__(
        self,
        entry: Mapping[str, Any],
        issuer: str,
        now: datetime,
        *,
        at: datetime | None = None,
        credential_id: str | None = None,
    ) -> StatusFinding:
        """Return where it stands; *issuer* is the credential's, *at* a past moment. Never raises a `Refused`.

        An entry may also be the claim `status` of a JWT; a 1EdTech list needs the *credential_id*.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """All of it."""

    canonical_of: CanonicalOf
    """In processes that can be killed."""
    key_of: KeyOf
    cut_off_of: Callable[[str], Awaitable[datetime | None]]
    """Verification method of an issuer of ours → from when on nothing counts that it signed; None: all of it does."""
    context_of: Callable[[str], bytes | None]
    """The bytes of a JSON-LD context that is known here; None: it is not, and is never fetched."""
    entry_of: Callable[[str, int, datetime | None], Awaitable[OwnEntry | None]]
    """(URL of a list, index, past moment) → its entry, from memory; None: no list of ours. Raises `IndexError`."""
    foreign_status: ForeignStatus
    issuer_of: Callable[[LogName, str], Awaitable[IssuerStanding | None]]
    """(log, DID) → the issuer; None: not registered here."""
    standing_of: Callable[[LogName, str, str, datetime | None], Awaitable[CredentialStanding | None]]
    """(log, credential id, issuer's DID, past moment) → where it stands; None: not registered here (then)."""
    recorded_until: Callable[[LogName], datetime]
    """Log → up to when `standing_of` knows all that was recorded; long ago while its projection is behind."""
    clock: Callable[[], datetime]
