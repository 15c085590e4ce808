"""The securing mechanisms an issuer may choose, and the keys that each one signs with."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class KeyAlgorithm(StrEnum):
    """What a signing key is; the value is the name that JOSE gives the curve (RFC 7518, RFC 8037)."""

    ED25519 = "Ed25519"
    P256 = "P-256"
    P384 = "P-384"


class Mechanism(StrEnum):
    """How a credential is secured: a Data Integrity cryptosuite, or the media type of an enveloped credential."""

    EDDSA_RDFC_2022 = "eddsa-rdfc-2022"
    EDDSA_JCS_2022 = "eddsa-jcs-2022"
    ECDSA_RDFC_2019 = "ecdsa-rdfc-2019"
    ECDSA_JCS_2019 = "ecdsa-jcs-2019"
    VC_JWT = "vc+jwt"
    VC_COSE = "vc+cose"


_EDDSA: Final = (KeyAlgorithm.ED25519,)
_ECDSA: Final = (KeyAlgorithm.P256, KeyAlgorithm.P384)

ALGORITHMS: Final[Mapping[Mechanism, tuple[KeyAlgorithm, ...]]] = {
    Mechanism.EDDSA_RDFC_2022: _EDDSA,
    Mechanism.EDDSA_JCS_2022: _EDDSA,
    Mechanism.ECDSA_RDFC_2019: _ECDSA,
    Mechanism.ECDSA_JCS_2019: _ECDSA,
    Mechanism.VC_JWT: (KeyAlgorithm.ED25519, KeyAlgorithm.P256),  # EdDSA and ES256
    Mechanism.VC_COSE: (KeyAlgorithm.ED25519, KeyAlgorithm.P256),
}
"""Which keys a mechanism can sign with, the preferred one first."""
