"""Every change that may be asked for, in the imperative. Time, ids and keys come with the command."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from registry.domain.events import (
    Closing,
    IssuerProfile,
    LegacyList,
    ListMember,
    Purpose,
    Reason,
    StatusProfile,
    VerificationMethod,
)
from registry.domain.mechanisms import DEFAULT_MECHANISMS, KeyAlgorithm, Mechanism
from registry.domain.names import CredentialId, IssuerId, ListSetId, Slug


@dataclass(frozen=True, slots=True)
class Command:
    """Something somebody asks for, at the moment `at` (aware, UTC)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class AcceptRestore(Command):
    """Go on from a log that was restored to before what it had published."""

    published_position: int
    published_hash: str
    restored_position: int


# ── issuers ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class IssuerCommand(Command):
    """A change to one issuer."""

    issuer_id: IssuerId


@dataclass(frozen=True, slots=True)
class RegisterIssuer(IssuerCommand):
    """Vouch for a new issuer that signs with `method` under `did`."""

    slug: Slug
    profile: IssuerProfile
    status_profile: StatusProfile
    public_reasons: bool
    did: str
    method: VerificationMethod
    further_methods: tuple[VerificationMethod, ...] = ()
    """Keys beside the first one, for mechanisms that it cannot sign."""
    mechanisms: tuple[Mechanism, ...] = DEFAULT_MECHANISMS
    key_algorithms: tuple[KeyAlgorithm, ...] = ()
    is_delegated: bool = False
    """Whether the DID is controlled elsewhere, so that its document must list the method before it signs."""


@dataclass(frozen=True, slots=True)
class UpdateIssuer(IssuerCommand):
    """Change what is given; `None` leaves a setting as it is."""

    profile: dict[str, object] = field(default_factory=dict)
    """Fields of `IssuerProfile` to replace."""
    status_profile: StatusProfile | None = None
    public_reasons: bool | None = None
    legacy_lists: tuple[LegacyList, ...] | None = None
    mechanisms: tuple[Mechanism, ...] | None = None
    key_algorithms: tuple[KeyAlgorithm, ...] | None = None
    methods: tuple[VerificationMethod, ...] = ()
    """New keys for mechanisms that the issuer has none for; those that turn out not to be needed are left out."""


@dataclass(frozen=True, slots=True)
class SuspendIssuer(IssuerCommand):
    """Stop an issuer from issuing."""

    reason: Reason = Reason.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class ReinstateIssuer(IssuerCommand):
    """Let a suspended issuer issue again."""


@dataclass(frozen=True, slots=True)
class WithdrawIssuer(IssuerCommand):
    """End an issuer for good."""

    reason: Reason = Reason.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class KeyCommand(IssuerCommand):
    """A change to what an issuer signs with."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key that is to end, and what signs in its place."""

    method_id: str
    successor: VerificationMethod | None
    """None for a key that has one already; of another controller where the key is its DID (did:key)."""


@dataclass(frozen=True, slots=True)
class RotateKeys(KeyCommand):
    """Let other keys sign; with `compromised_since`, what the old ones signed from then on does not count."""

    rotations: tuple[Rotation, ...]
    compromised_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProposeDid(KeyCommand):
    """Ask a DID that is controlled elsewhere to list `methods` in its document."""

    did: str
    methods: tuple[VerificationMethod, ...]


@dataclass(frozen=True, slots=True)
class AdoptDid(KeyCommand):
    """Speak under the proposed `did`, whose document was seen to list `methods`, named as it names them."""

    did: str
    methods: tuple[VerificationMethod, ...]


@dataclass(frozen=True, slots=True)
class AdoptOwnDid(KeyCommand):
    """Speak under `did`, whose document is ours; with `methods`, unless the issuer has keys there from before."""

    did: str
    methods: tuple[VerificationMethod, ...]


# ── API keys ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CreateApiKey(Command):
    """Record that a key was handed out, to an issuer or (`issuer_id` None) to the operator."""

    issuer_id: IssuerId | None
    key_id: str
    name: str
    scopes: tuple[str, ...]
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class RevokeApiKey(Command):
    """Record that a key may not speak any more."""

    issuer_id: IssuerId | None
    key_id: str


# ── status list sets ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OpenListSet(IssuerCommand):
    """Open the issuer's next set, unless one is ahead of `after` already."""

    set_id: ListSetId
    size: int
    members: tuple[ListMember, ...]
    after: ListSetId | None
    """The newest set the caller knows of; if there is a newer one, nothing is opened."""
    issuer_did: str


@dataclass(frozen=True, slots=True)
class AddListMembers(IssuerCommand):
    """Give every set of the issuer one list more, of one purpose and shape, unless it has one of that purpose."""

    purpose: Purpose
    members: tuple[tuple[ListSetId, ListMember], ...]
    """The list that each set known to the caller would get."""


@dataclass(frozen=True, slots=True)
class CloseListSet(IssuerCommand):
    """Give out no further index of a set."""

    set_id: ListSetId
    reason: Closing


@dataclass(frozen=True, slots=True)
class OpenOwnList(IssuerCommand):
    """Open a list whose indices the issuer gives out itself."""

    set_id: ListSetId
    size: int
    member: ListMember


@dataclass(frozen=True, slots=True)
class SetListEntry(IssuerCommand):
    """Let an entry of such a list say `value`."""

    set_id: ListSetId
    index: int
    value: int


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CredentialCommand(Command):
    """A change to one credential of one issuer."""

    issuer_id: IssuerId
    credential_id: CredentialId


@dataclass(frozen=True, slots=True)
class RegisterCredential(CredentialCommand):
    """Give a credential its status entries; the profile is the issuer's."""

    credential_types: tuple[str, ...]
    valid_from: str | None = None
    valid_until: str | None = None
    achievement_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordSecuring(CredentialCommand):
    """Record the digest of the signed bytes, and with which key and `created` they were made."""

    digest_sha256: str
    mechanism: Mechanism
    verification_method: str
    created: datetime


@dataclass(frozen=True, slots=True)
class RevokeCredential(CredentialCommand):
    """Revoke for good, from `effective_at` (never in the future) or now."""

    reason: Reason = Reason.UNSPECIFIED
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SuspendCredential(CredentialCommand):
    """Make a credential not count for now."""

    reason: Reason = Reason.UNSPECIFIED
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReinstateCredential(CredentialCommand):
    """Lift a suspension."""

    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetCredentialMessage(CredentialCommand):
    """Let a credential's entry in its message list say `value`."""

    value: int


@dataclass(frozen=True, slots=True)
class SupersedeCredential(CredentialCommand):
    """Say that `by`, of the same issuer, took its place; with `revoke` it is revoked as well."""

    by: CredentialId
    reason: Reason = Reason.SUPERSEDED
    revoke: bool = False
    effective_at: datetime | None = None


# ── many credentials at once ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one row was not carried out: the name of its error, a sentence, and further members of the problem."""

    error: str
    detail: str
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that could not be read as a command; it has its place among the others."""

    credential_id: str | None
    refusal: Refusal


Row = CredentialCommand | RefusedRow


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows of a batch came to what."""

    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.accepted + self.unchanged + self.rejected

    def plus(self, more: RowCounts) -> RowCounts:
        """Return both together."""
        return RowCounts(self.accepted + more.accepted, self.unchanged + more.unchanged, self.rejected + more.rejected)


@dataclass(frozen=True, slots=True)
class CarryOutRows(IssuerCommand):
    """Carry out one chunk of a batch: its rows in order, each on its own, all that follows from them at once."""

    rows: tuple[Row, ...]
    first_row: int = 1
    """The number of the first one in the batch."""
    known: RowCounts = RowCounts()
    """What is known to have become of the `known_chunks` chunks before; kept with the answer, for who asks how far."""
    known_chunks: int = 0
    is_last: bool = False
    """Whether the batch ends with it."""
    is_dry_run: bool = False
    """Whether to tell only what would happen."""
