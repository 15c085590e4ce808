"""What the tables of this room are made of: one issuer, one credential, and states folded from facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from registry.domain.events import (
    Allocation,
    AnyEvent,
    CredentialRegistered,
    IssuerProfile,
    Purpose,
    Recorded,
    StatusProfile,
    VerificationMethod,
)
from registry.domain.names import CredentialId, IssuerId, ListSetId, Slug, Stream, credential_stream
from registry.domain.streams import evolve

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)

ISSUER = IssuerId(UUID("10000000-0000-4000-8000-000000000001"))
SLUG = Slug("state-college")
DID = "did:web:registry.example:issuers:state-college"
METHOD = VerificationMethod(
    id=f"{DID}#key-1", controller=DID, public_key_multibase="z6Mk1", key_id=UUID("20000000-0000-4000-8000-000000000001")
)
PROFILE = IssuerProfile.model_validate({"name": "State College", "kind": "school", "jurisdiction": "US-CO"})

SET = ListSetId(UUID("30000000-0000-4000-8000-000000000001"))
NEXT_SET = ListSetId(UUID("30000000-0000-4000-8000-000000000002"))
ALLOCATION = Allocation(set_id=SET, number=7, index=94_567)

DIPLOMA = CredentialId("urn:uuid:40000000-0000-4000-8000-000000000001")
SUCCESSOR = CredentialId("urn:uuid:40000000-0000-4000-8000-000000000002")
STRANGER = CredentialId("urn:uuid:40000000-0000-4000-8000-000000000003")
TYPES = ("VerifiableCredential", "DiplomaCredential")

STREAM = credential_stream(ISSUER, DIPLOMA)


def registered(credential_id: CredentialId = DIPLOMA, profile: StatusProfile = StatusProfile.VC2) -> Any:
    """The registration of a credential, with the entries of *profile*."""
    purposes = (Purpose.REVOCATION, Purpose.SUSPENSION) if profile is StatusProfile.VC2 else (Purpose.REVOCATION,)
    return CredentialRegistered(
        issuer_id=ISSUER,
        credential_id=credential_id,
        credential_types=TYPES,
        issuer_did=DID,
        profile=profile,
        purposes=purposes,
        allocation=ALLOCATION,
    )


def recorded(
    event: AnyEvent,
    *,
    position: int = 1,
    stream: Stream = STREAM,
    recorded_at: datetime = AT,
    effective_at: datetime | None = None,
) -> Recorded:
    """*event* as the log gives it back."""
    event_id = UUID(int=position)
    return Recorded(
        position, stream, position, recorded_at, effective_at or recorded_at, "key:test", "request", event_id, event
    )


def after(stream: Stream, *events: AnyEvent) -> Any:
    """The state of *stream* after *events*, recorded a second apart from position 1 on."""
    state = None
    for position, event in enumerate(events, 1):
        moment = AT + timedelta(seconds=position)
        state = evolve(stream, state, recorded(event, position=position, stream=stream, recorded_at=moment))
    return state
