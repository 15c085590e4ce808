"""The securing mechanisms an issuer may choose, and the keys that each one signs with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Final

from registry.errors import Malformed


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
    Mechanism.VC_JWT: (*_EDDSA, *_ECDSA),  # EdDSA, ES256, ES384
    Mechanism.VC_COSE: (*_EDDSA, *_ECDSA),
}
"""Which keys a mechanism can sign with, the preferred one first."""

DEFAULT_MECHANISMS: Final = (Mechanism.EDDSA_RDFC_2022,)
"""What an issuer secures with that chose nothing: what the common wallets verify."""

EMBEDDED: Final = frozenset(Mechanism) - {Mechanism.VC_JWT, Mechanism.VC_COSE}
"""The Data Integrity cryptosuites: the proof is a member of the credential. All others envelop it."""

OVER_RDF: Final = frozenset({Mechanism.EDDSA_RDFC_2022, Mechanism.ECDSA_RDFC_2019})
"""What signs a document's canonical N-Quads, where all others sign bytes of JSON."""

_MULTIKEY: Final = {"z6Mk": KeyAlgorithm.ED25519, "zDn": KeyAlgorithm.P256, "z82": KeyAlgorithm.P384}
"""How a public key begins (Controlled Identifiers 1.0, section 2.2.2): the multicodec prefix in base58."""


def algorithm_of(public_key_multibase: str) -> KeyAlgorithm | None:
    """Return the algorithm of a public key in Multikey form; None for one that no mechanism here signs with."""
    return next((found for prefix, found in _MULTIKEY.items() if public_key_multibase.startswith(prefix)), None)


def in_order(mechanism: Mechanism, preferred: Sequence[KeyAlgorithm] = ()) -> list[KeyAlgorithm]:
    """Return the algorithms *mechanism* can sign with: the *preferred* ones first, then in the mechanism's order."""
    fitting = ALGORITHMS[mechanism]
    return list(dict.fromkeys(one for one in (*preferred, *fitting) if one in fitting))


def wanted_algorithms(
    mechanisms: Sequence[Mechanism], preferred: Sequence[KeyAlgorithm], held: Collection[KeyAlgorithm]
) -> list[KeyAlgorithm]:
    """Return of which algorithms keys must be made, so that each of *mechanisms* can sign.

    Any key that is *held* will do for a mechanism, unless it is told which are *preferred*.
    """
    wanted: list[KeyAlgorithm] = []
    for mechanism in mechanisms:
        named = [one for one in preferred if one in ALGORITHMS[mechanism]][:1]
        if not any(one in {*held, *wanted} for one in named or ALGORITHMS[mechanism]):
            wanted.append(in_order(mechanism, preferred)[0])
    return wanted


def first_algorithms(
    mechanisms: Sequence[Mechanism], preferred: Sequence[KeyAlgorithm], *, one_key: bool
) -> list[KeyAlgorithm]:
    """Return of which algorithms a new issuer needs keys, at least one; with *one_key* exactly one (a did:key).

    Raises `Malformed` when one key cannot sign with all of *mechanisms*.
    """
    if not one_key:
        return wanted_algorithms(mechanisms, preferred, ())
    first, *others = mechanisms
    for only in in_order(first, preferred):
        if all(only in ALGORITHMS[each] for each in others):
            return [only]
    raise Malformed(
        f"A did:key is one key, and none signs with all of {', '.join(mechanisms)}; choose fewer, or `did`: `web`.",
        pointer="/mechanisms",
    )
