"""What is wrong with a document that somebody presents, by the names that the specifications give it.

A problem is a finding, not an error: a verification gathers them and never raises them (VCALM 1.0, section 3.8.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_DATA_MODEL: Final = "https://www.w3.org/TR/vc-data-model#"  # VCDM 2.0, section 7.2
_DATA_INTEGRITY: Final = (
    "https://w3id.org/security#"  # VC Data Integrity 1.0 and Controlled Identifiers 1.0, processing errors
)
_STATUS_LIST: Final = "https://www.w3.org/ns/credentials/status-list#"  # Bitstring Status List 1.0, section 3.5

PARSING_ERROR: Final = f"{_DATA_MODEL}PARSING_ERROR"
CRYPTOGRAPHIC_SECURITY_ERROR: Final = f"{_DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR"
MALFORMED_VALUE_ERROR: Final = f"{_DATA_MODEL}MALFORMED_VALUE_ERROR"
RANGE_ERROR: Final = f"{_DATA_MODEL}RANGE_ERROR"

PROOF_VERIFICATION_ERROR: Final = f"{_DATA_INTEGRITY}PROOF_VERIFICATION_ERROR"
PROOF_TRANSFORMATION_ERROR: Final = f"{_DATA_INTEGRITY}PROOF_TRANSFORMATION_ERROR"
INVALID_DOMAIN_ERROR: Final = f"{_DATA_INTEGRITY}INVALID_DOMAIN_ERROR"
INVALID_CHALLENGE_ERROR: Final = f"{_DATA_INTEGRITY}INVALID_CHALLENGE_ERROR"
INVALID_VERIFICATION_METHOD_URL: Final = f"{_DATA_INTEGRITY}INVALID_VERIFICATION_METHOD_URL"
INVALID_CONTROLLED_IDENTIFIER_DOCUMENT: Final = f"{_DATA_INTEGRITY}INVALID_CONTROLLED_IDENTIFIER_DOCUMENT"
INVALID_CONTROLLED_IDENTIFIER_DOCUMENT_ID: Final = f"{_DATA_INTEGRITY}INVALID_CONTROLLED_IDENTIFIER_DOCUMENT_ID"
INVALID_VERIFICATION_METHOD: Final = f"{_DATA_INTEGRITY}INVALID_VERIFICATION_METHOD"
INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD: Final = f"{_DATA_INTEGRITY}INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD"

STATUS_RETRIEVAL_ERROR: Final = f"{_STATUS_LIST}STATUS_RETRIEVAL_ERROR"
STATUS_VERIFICATION_ERROR: Final = f"{_STATUS_LIST}STATUS_VERIFICATION_ERROR"
STATUS_LIST_LENGTH_ERROR: Final = f"{_STATUS_LIST}STATUS_LIST_LENGTH_ERROR"

# What no specification has a type for is ours. These are pages of the registry: its origin comes before them.
CREDENTIAL_EXPIRED: Final = "/problems/credential-expired"
CREDENTIAL_NOT_YET_VALID: Final = "/problems/credential-not-yet-valid"
CREDENTIAL_REVOKED: Final = "/problems/credential-revoked"
CREDENTIAL_SUSPENDED: Final = "/problems/credential-suspended"
CREDENTIAL_SUPERSEDED: Final = "/problems/credential-superseded"
CREDENTIAL_UNREGISTERED: Final = "/problems/credential-unregistered"
ISSUER_NOT_ACTIVE: Final = "/problems/issuer-stopped"
CONTAINED_DOES_NOT_HOLD: Final = "/problems/contained-credential"
BADGE_NOT_CONFORMING: Final = "/problems/badge-not-conforming"
WRONG_RECIPIENT: Final = "/problems/wrong-recipient"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (RFC 9457)."""

    type: str
    """One of the URLs above, or another that a specification gives."""
    title: str
    """The same for every occurrence of what is wrong."""
    detail: str
    """A sentence for a person: what was wrong here, and what to do."""
    pointer: str | None = None
    """Where in the document (JSON pointer, RFC 6901); empty: the whole of it."""
    source: str | None = None
    """The section of the specification that asks for it, such as `VCDM 2.0, section 4.9`."""

    def json(self) -> dict[str, Any]:
        """Return it as a member of `problemDetails`; what is None is left out."""
        members = {
            "type": self.type,
            "title": self.title,
            "detail": self.detail,
            "pointer": self.pointer,
            "source": self.source,
        }
        return {name: value for name, value in members.items() if value is not None}
