"""Documents that conform, for tests to break."""

from __future__ import annotations

import copy
from enum import Enum
from typing import Any

V2 = "https://www.w3.org/ns/credentials/v2"
V1 = "https://www.w3.org/2018/credentials/v1"
OB = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
ISSUER = "did:example:school"


class Absent(Enum):
    """Stands for no member at all."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


def credential(**members: Any) -> dict[str, Any]:
    """A credential of VCDM 2.0; a member that is ABSENT is left out."""
    document = {
        "@context": [V2],
        "id": "urn:uuid:7d6d5f3a-6b3b-4ad7-9f3a-0f5a0d3bd0a1",
        "type": ["VerifiableCredential"],
        "issuer": ISSUER,
        "validFrom": "2025-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:ada", "name": "Ada"},
    }
    return with_members(document, members)


def credential_v1(**members: Any) -> dict[str, Any]:
    """A credential of VCDM 1.1."""
    document = {
        "@context": [V1],
        "type": ["VerifiableCredential"],
        "issuer": ISSUER,
        "issuanceDate": "2025-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:ada"},
    }
    return with_members(document, members)


def presentation(**members: Any) -> dict[str, Any]:
    """A presentation of one credential."""
    document = {"@context": [V2], "type": ["VerifiablePresentation"], "verifiableCredential": [credential()]}
    return with_members(document, members)


def badge(**members: Any) -> dict[str, Any]:
    """An Open Badge 3.0."""
    achievement = {
        "id": "https://school.example/achievements/1",
        "type": ["Achievement"],
        "name": "Welding",
        "description": "Joins metals.",
        "criteria": {"narrative": "Weld ten seams."},
    }
    subject = {"id": "did:example:ada", "type": ["AchievementSubject"], "achievement": achievement}
    named = {
        "@context": [V2, OB],
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Welder",
        "issuer": {"id": ISSUER, "type": ["Profile"], "name": "School"},
        "credentialSubject": subject,
    }
    return credential(**{**copy.deepcopy(named), **members})


def with_members(document: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    changed = {**document, **{{"context": "@context"}.get(name, name): value for name, value in members.items()}}
    return {name: value for name, value in changed.items() if value is not ABSENT}
