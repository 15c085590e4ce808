"""Every fact that is ever recorded. This is the stored format: an event once written is read for ever.

Fields hold only strings, integers, booleans, lists and objects with ASCII keys, so that canonical JSON (RFC 8785)
is the same in every implementation. No personal data and no secrets: a credential is its id, types, validity,
achievement and the digest of its secured form.

Reading ignores fields it does not know, so that yesterday's binary reads tomorrow's log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal, get_args
from uuid import UUID

import msgspec
from pydantic import AwareDatetime, Field

from registry.domain.mechanisms import KeyAlgorithm, Mechanism
from registry.domain.names import Stream
from registry.domain.parts import (
    Allocation,
    AsciiName,
    Closing,
    IssuerKind,
    IssuerProfile,
    LegacyList,
    ListMember,
    Permutation,
    Purpose,
    Reason,
    StatusMessage,
    StatusProfile,
    Stored,
    VerificationMethod,
)

__all__ = [  # of what is defined elsewhere: an event's parts are had where the event is
    "Allocation",
    "AsciiName",
    "Closing",
    "IssuerKind",
    "IssuerProfile",
    "LegacyList",
    "ListMember",
    "Permutation",
    "Purpose",
    "Reason",
    "StatusMessage",
    "StatusProfile",
    "Stored",
    "VerificationMethod",
]


class Event(Stored):
    """A fact, named in the past tense; `schema_number` counts the shapes that its type has had."""

    schema_number: ClassVar[int] = 1
    type: str


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────


class LogOpened(Event):
    """Position 1 of every log."""

    type: Literal["LogOpened"] = "LogOpened"
    log_id: UUID
    log_name: str
    origin: str


class LogRestored(Event):
    """An operator accepted that the log was restored to a point before what it had published."""

    type: Literal["LogRestored"] = "LogRestored"
    published_position: int
    published_hash: str
    restored_position: int


class ApiKeyCreated(Event):
    """A key may speak for an issuer, or for the operator; the secret itself is nobody's but the caller's."""

    type: Literal["ApiKeyCreated"] = "ApiKeyCreated"
    key_id: str
    name: str
    scopes: tuple[str, ...]
    expires: AwareDatetime | None = None


class ApiKeyRevoked(Event):
    """A key may not speak any more."""

    type: Literal["ApiKeyRevoked"] = "ApiKeyRevoked"
    key_id: str


# ── issuers ──────────────────────────────────────────────────────────────────────────────────────────────────


class SlugClaimed(Event):
    """A slug belongs to an issuer, for ever."""

    type: Literal["SlugClaimed"] = "SlugClaimed"
    slug: str
    issuer_id: UUID


class IssuerRegistered(Event):
    """The operator vouches for an issuer."""

    type: Literal["IssuerRegistered"] = "IssuerRegistered"
    issuer_id: UUID
    slug: str
    profile: IssuerProfile
    status_profile: StatusProfile
    public_reasons: bool


class DidAdopted(Event):
    """The issuer speaks under this DID from now on; what it signed under an earlier one keeps verifying."""

    type: Literal["DidAdopted"] = "DidAdopted"
    issuer_id: UUID
    did: str


class VerificationMethodAdded(Event):
    """Signatures by this key count as the issuer's."""

    type: Literal["VerificationMethodAdded"] = "VerificationMethodAdded"
    issuer_id: UUID
    method: VerificationMethod


class DidProposed(Event):
    """The issuer wants to speak under a DID controlled elsewhere; until its document lists these keys, none signs."""

    type: Literal["DidProposed"] = "DidProposed"
    issuer_id: UUID
    did: str
    methods: tuple[VerificationMethod, ...]
    replaces: tuple[str, ...] = ()
    """The verification methods that retire once these are listed: a rotation under a DID that is adopted already."""


class VerificationMethodRetired(Event):
    """This key secures no further credential; whatever it signed keeps verifying."""

    type: Literal["VerificationMethodRetired"] = "VerificationMethodRetired"
    issuer_id: UUID
    method_id: str


class VerificationMethodCompromised(Event):
    """This key may be in foreign hands: what it signed from `since` on does not count; the earliest `since` holds."""

    type: Literal["VerificationMethodCompromised"] = "VerificationMethodCompromised"
    issuer_id: UUID
    method_id: str
    since: AwareDatetime


class IssuerUpdated(Event):
    """The issuer's description or settings, whole, as they are from now on."""

    type: Literal["IssuerUpdated"] = "IssuerUpdated"
    issuer_id: UUID
    profile: IssuerProfile
    status_profile: StatusProfile
    public_reasons: bool


class IssuerLegacyListsChosen(Event):
    """These lists name the issuer's revoked credentials to anybody from now on, and no others."""

    type: Literal["IssuerLegacyListsChosen"] = "IssuerLegacyListsChosen"
    issuer_id: UUID
    lists: tuple[LegacyList, ...]


class IssuerMechanismsChosen(Event):
    """The issuer's credentials are secured like this from now on: by the first one, unless a request chooses."""

    type: Literal["IssuerMechanismsChosen"] = "IssuerMechanismsChosen"
    issuer_id: UUID
    mechanisms: tuple[Mechanism, ...]
    key_algorithms: tuple[KeyAlgorithm, ...] = ()
    """Which keys sign, where a mechanism leaves a choice; empty: as the mechanism prefers."""


class IssuerSuspended(Event):
    """The issuer cannot issue for now; it can still revoke."""

    type: Literal["IssuerSuspended"] = "IssuerSuspended"
    issuer_id: UUID
    reason: Reason = Reason.UNSPECIFIED


class IssuerReinstated(Event):
    """The issuer can issue again."""

    type: Literal["IssuerReinstated"] = "IssuerReinstated"
    issuer_id: UUID


class IssuerWithdrawn(Event):
    """The issuer never issues again; its lists are published for ever."""

    type: Literal["IssuerWithdrawn"] = "IssuerWithdrawn"
    issuer_id: UUID
    reason: Reason = Reason.UNSPECIFIED


# ── status list sets ─────────────────────────────────────────────────────────────────────────────────────────


class StatusListSetOpened(Event):
    """One index space, one permutation, one counter, and the lists that share them."""

    type: Literal["StatusListSetOpened"] = "StatusListSetOpened"
    issuer_id: UUID
    issuer_did: str
    set_id: UUID
    size: int
    permutation: Permutation
    members: tuple[ListMember, ...]


class StatusListMemberAdded(Event):
    """A set has one list more, over the indices it already gave out and those it will give out."""

    type: Literal["StatusListMemberAdded"] = "StatusListMemberAdded"
    issuer_id: UUID
    set_id: UUID
    member: ListMember


class OwnStatusListOpened(Event):
    """An issuer has a list whose indices it gives out itself: a set of its own, with this one list."""

    type: Literal["OwnStatusListOpened"] = "OwnStatusListOpened"
    issuer_id: UUID
    issuer_did: str
    set_id: UUID
    size: int
    member: ListMember


class StatusListEntrySet(Event):
    """An entry of a list whose indices the issuer gives out itself says `value` from now on."""

    type: Literal["StatusListEntrySet"] = "StatusListEntrySet"
    issuer_id: UUID
    set_id: UUID
    purpose: Purpose
    index: int
    value: int


class StatusListSetClosed(Event):
    """No index of this set is given out any more; its lists are published for ever."""

    type: Literal["StatusListSetClosed"] = "StatusListSetClosed"
    issuer_id: UUID
    set_id: UUID
    reason: Closing


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────


class CredentialRegistered(Event):
    """A credential exists and owns an index; `purposes` tells which of the set's lists speak about it."""

    type: Literal["CredentialRegistered"] = "CredentialRegistered"
    issuer_id: UUID
    credential_id: str
    credential_types: tuple[str, ...]
    issuer_did: str
    profile: StatusProfile
    purposes: tuple[Purpose, ...]
    allocation: Allocation
    valid_from: str | None = None
    valid_until: str | None = None
    achievement_id: str | None = None


class CredentialSecured(Event):
    """The registry signed the credential; only the digest of the signed bytes is kept."""

    type: Literal["CredentialSecured"] = "CredentialSecured"
    issuer_id: UUID
    credential_id: str
    digest_sha256: str
    mechanism: str
    """A `Mechanism`, by its value."""
    verification_method: str
    created: AwareDatetime


class StatusChanged(Event):
    """What the events that may move a bit have in common."""

    issuer_id: UUID
    credential_id: str
    allocation: Allocation


class CredentialRevoked(StatusChanged):
    """A credential lost its validity for good; revocation has no way back."""

    type: Literal["CredentialRevoked"] = "CredentialRevoked"
    reason: Reason = Reason.UNSPECIFIED


class CredentialSuspended(StatusChanged):
    """A credential does not count for now."""

    type: Literal["CredentialSuspended"] = "CredentialSuspended"
    reason: Reason = Reason.UNSPECIFIED


class CredentialReinstated(StatusChanged):
    """A suspension was lifted."""

    type: Literal["CredentialReinstated"] = "CredentialReinstated"


class CredentialSuperseded(StatusChanged):
    """Another credential of the same issuer took its place; by itself that is no revocation."""

    type: Literal["CredentialSuperseded"] = "CredentialSuperseded"
    by: str
    reason: Reason = Reason.SUPERSEDED


class CredentialMessageSet(StatusChanged):
    """The credential's entry in its message list says `value` from now on."""

    type: Literal["CredentialMessageSet"] = "CredentialMessageSet"
    value: int


AnyEvent = (
    LogOpened | LogRestored | ApiKeyCreated | ApiKeyRevoked
    | SlugClaimed | IssuerRegistered | DidAdopted | VerificationMethodAdded | IssuerUpdated
    | DidProposed | VerificationMethodRetired | VerificationMethodCompromised
    | IssuerLegacyListsChosen | IssuerMechanismsChosen | IssuerSuspended | IssuerReinstated | IssuerWithdrawn
    | StatusListSetOpened | StatusListMemberAdded | StatusListSetClosed | OwnStatusListOpened | StatusListEntrySet
    | CredentialRegistered | CredentialSecured
    | CredentialRevoked | CredentialSuspended | CredentialReinstated | CredentialSuperseded
    | CredentialMessageSet
)  # fmt: skip
"""The union of all facts."""

EVENT = Annotated[AnyEvent, Field(discriminator="type")]
"""The union as pydantic reads it: the type decides."""

EVENT_TYPES: dict[str, type[Event]] = {cls.model_fields["type"].default: cls for cls in get_args(AnyEvent)}
"""Every event class by its recorded name."""


class Recorded(msgspec.Struct, frozen=True, gc=False):  # made by the million; a dataclass takes fifteen times as long
    """A fact with its place in the log; what a projection reads and an `evolve` folds."""

    position: int
    stream: Stream
    version: int
    recorded_at: datetime
    effective_at: datetime
    """When it holds from; equal to `recorded_at` unless the caller said an earlier moment."""
    actor: str
    """Who acted: `key:<id>`, or `system:<what>`."""
    request_id: str
    event_id: UUID
    event: AnyEvent
