"""One example of every event type, with everything around it fixed: what `tests/vectors/events` holds as bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from registry.domain.events import (
    AnyEvent,
    ApiKeyCreated,
    ApiKeyRevoked,
    CredentialMessageSet,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSecured,
    CredentialSuperseded,
    CredentialSuspended,
    DidAdopted,
    DidProposed,
    IssuerLegacyListsChosen,
    IssuerMechanismsChosen,
    IssuerReinstated,
    IssuerSuspended,
    IssuerUpdated,
    IssuerWithdrawn,
    LegacyList,
    ListMember,
    LogOpened,
    LogRestored,
    OwnStatusListOpened,
    Permutation,
    Purpose,
    Reason,
    Recorded,
    SlugClaimed,
    StatusListEntrySet,
    StatusListMemberAdded,
    StatusListSetClosed,
    StatusListSetOpened,
    StatusMessage,
    StatusProfile,
    VerificationMethodAdded,
    VerificationMethodCompromised,
    VerificationMethodRetired,
)
from registry.domain.mechanisms import KeyAlgorithm, Mechanism
from registry.domain.names import (
    LOG_STREAM,
    Stream,
    api_keys_stream,
    credential_stream,
    issuer_stream,
    list_entry_stream,
    lists_stream,
    own_lists_stream,
    slug_stream,
)
from tests.domain.facts import (
    ALLOCATION,
    DID,
    DIPLOMA,
    ISSUER,
    METHOD,
    PROFILE,
    SET,
    SLUG,
    SUCCESSOR,
    registered,
)
from tests.domain.test_issuer import REGISTERED

LOG_ID = "00000000-0000-4000-8000-00000000000a"
SALT = bytes(range(16))
RECORDED_AT = datetime(2026, 5, 1, 12, 0, 0, 250, tzinfo=UTC)
EARLIER = datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC)

_OF_ISSUER, _OF_CREDENTIAL = issuer_stream(ISSUER), credential_stream(ISSUER, DIPLOMA)
_CHANGED = {"issuer_id": ISSUER, "credential_id": DIPLOMA, "allocation": ALLOCATION}
_WHOLE_PROFILE = PROFILE.model_copy(
    update={
        "name": 'Hochschule "Köln" \\ 学院\u2028🎓',
        "legal_name": "State College Inc.",
        "url": "https://college.example/",
        "logo": "https://college.example/logo.svg",
        "identifiers": {"ror": "https://ror.org/000000001", "ctid": "ce-1"},
    }
)
_MEMBERS = tuple(
    ListMember(
        purpose=purpose,
        status_list_id=UUID(f"50000000-0000-4000-8000-00000000000{n}"),
        url=f"https://registry.example/status-lists/50000000-0000-4000-8000-00000000000{n}",
    )
    for n, purpose in enumerate((Purpose.REVOCATION, Purpose.SUSPENSION), 1)
)

EXAMPLES: list[tuple[Stream, AnyEvent]] = [
    (LOG_STREAM, LogOpened(log_id=UUID(LOG_ID), log_name="main", origin="https://registry.example")),
    (LOG_STREAM, LogRestored(published_position=1234, published_hash="ab" * 32, restored_position=1200)),
    (
        api_keys_stream(ISSUER),
        ApiKeyCreated(
            key_id="k1",
            name="registrar's office",
            scopes=("issue", "status"),
            expires=datetime(2027, 5, 1, tzinfo=UTC),
        ),
    ),
    (api_keys_stream(None), ApiKeyRevoked(key_id="k1")),
    (slug_stream(SLUG), SlugClaimed(slug=SLUG, issuer_id=ISSUER)),
    (_OF_ISSUER, REGISTERED),
    (_OF_ISSUER, DidAdopted(issuer_id=ISSUER, did=DID)),
    (_OF_ISSUER, VerificationMethodAdded(issuer_id=ISSUER, method=METHOD)),
    (
        _OF_ISSUER,
        IssuerUpdated(issuer_id=ISSUER, profile=_WHOLE_PROFILE, status_profile=StatusProfile.OB3, public_reasons=True),
    ),
    (_OF_ISSUER, IssuerSuspended(issuer_id=ISSUER, reason=Reason.INVESTIGATION)),
    (_OF_ISSUER, IssuerReinstated(issuer_id=ISSUER)),
    (_OF_ISSUER, IssuerWithdrawn(issuer_id=ISSUER, reason=Reason.PRIVILEGE_WITHDRAWN)),
    (
        lists_stream(ISSUER),
        StatusListSetOpened(
            issuer_id=ISSUER,
            issuer_did=DID,
            set_id=SET,
            size=131_072,
            permutation=Permutation(),
            members=_MEMBERS,
        ),
    ),
    (lists_stream(ISSUER), StatusListSetClosed(issuer_id=ISSUER, set_id=SET, reason="exhausted")),
    (
        _OF_CREDENTIAL,
        registered().model_copy(
            update={
                "valid_from": "2026-05-01T00:00:00Z",
                "valid_until": "2036-05-01T00:00:00Z",
                "achievement_id": "https://college.example/achievements/1",
            }
        ),
    ),
    (
        _OF_CREDENTIAL,
        CredentialSecured(
            issuer_id=ISSUER,
            credential_id=DIPLOMA,
            digest_sha256="cd" * 32,
            mechanism="eddsa-rdfc-2022",
            verification_method=METHOD.id,
            created=datetime(2026, 5, 1, 12, tzinfo=UTC),
        ),
    ),
    (_OF_CREDENTIAL, CredentialRevoked(**_CHANGED, reason=Reason.ISSUED_IN_ERROR)),
    (_OF_CREDENTIAL, CredentialSuspended(**_CHANGED, reason=Reason.INVESTIGATION)),
    (_OF_CREDENTIAL, CredentialReinstated(**_CHANGED)),
    (_OF_CREDENTIAL, CredentialSuperseded(**_CHANGED, by=SUCCESSOR)),
    (
        lists_stream(ISSUER),
        StatusListMemberAdded(
            issuer_id=ISSUER,
            set_id=SET,
            member=ListMember(
                purpose=Purpose.MESSAGE,
                status_list_id=UUID("50000000-0000-4000-8000-000000000003"),
                url="https://registry.example/status-lists/50000000-0000-4000-8000-000000000003",
                status_size=1,
                messages=(
                    StatusMessage(status="0x0", message="geprüft"),
                    StatusMessage(status="0x1", message="in Prüfung"),
                ),
                reference=("https://college.example/messages",),
            ),
        ),
    ),
    (
        _OF_ISSUER,
        DidProposed(issuer_id=ISSUER, did="did:web:college.example", methods=(METHOD,), replaces=("did:web:x#1",)),
    ),
    (_OF_ISSUER, VerificationMethodRetired(issuer_id=ISSUER, method_id=METHOD.id)),
    (
        _OF_ISSUER,
        VerificationMethodCompromised(
            issuer_id=ISSUER, method_id=METHOD.id, since=datetime(2026, 4, 30, 12, tzinfo=UTC)
        ),
    ),
    (_OF_ISSUER, IssuerLegacyListsChosen(issuer_id=ISSUER, lists=(LegacyList.ONE_EDTECH, LegacyList.OB2))),
    (
        _OF_ISSUER,
        IssuerMechanismsChosen(
            issuer_id=ISSUER,
            mechanisms=(Mechanism.ECDSA_RDFC_2019, Mechanism.VC_JWT),
            key_algorithms=(KeyAlgorithm.P384, KeyAlgorithm.P256),
        ),
    ),
    (_OF_CREDENTIAL, CredentialMessageSet(**_CHANGED, value=2)),
    (
        own_lists_stream(ISSUER),
        OwnStatusListOpened(issuer_id=ISSUER, issuer_did=DID, set_id=SET, size=131_072, member=_MEMBERS[1]),
    ),
    (
        list_entry_stream(SET, 94_567),
        StatusListEntrySet(issuer_id=ISSUER, set_id=SET, purpose=Purpose.SUSPENSION, index=94_567, value=1),
    ),
]


def stored(number: int, stream: Stream, event: AnyEvent) -> Recorded:
    """The *number*-th example as the log would give it back; a revocation holds from an earlier moment."""
    return Recorded(
        position=number,
        stream=stream,
        version=number,
        recorded_at=RECORDED_AT,
        effective_at=EARLIER if isinstance(event, CredentialRevoked) else RECORDED_AT,
        actor="key:k1",
        request_id="60000000-0000-4000-8000-000000000001",
        event_id=UUID(f"019a0000-0000-7000-8000-0000000000{number:02}"),
        event=event,
    )


STORED = {event.type: stored(number, stream, event) for number, (stream, event) in enumerate(EXAMPLES, 1)}
