"""What signs the status lists of a DID: another choice than that for credentials, since every verifier reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.domain.events import VerificationMethod
from registry.domain.issuer import Issuer
from registry.domain.mechanisms import EMBEDDED, KeyAlgorithm, Mechanism, algorithm_of, in_order
from registry.errors import UnknownIssuer

_EITHER: Final = (Mechanism.EDDSA_RDFC_2022, Mechanism.ECDSA_RDFC_2019)
"""One of them signs with any key there is, and gives an embedded proof that a template is filled for."""
_ENVELOPED: Final = (KeyAlgorithm.P256, KeyAlgorithm.ED25519, KeyAlgorithm.P384)
"""What signs JWTs and CWTs, the one that most wallets verify first."""


@dataclass(frozen=True, slots=True)
class ListMethods:
    """The verification methods that sign the lists of one DID."""

    mechanism: Mechanism
    """Of the embedded proof."""
    embedded: VerificationMethod
    enveloped: VerificationMethod
    """Of JWTs and CWTs."""


def list_methods(issuer: Issuer, did: str) -> ListMethods:
    """Return what signs the lists of *did*, one of the DIDs that *issuer* has or had: the newest key of a kind.

    The embedded proof is of the first Data Integrity mechanism that the issuer chose and *did* has a key for. Raises
    `UnknownIssuer` when no key of *did* may sign lists.
    """
    held: dict[KeyAlgorithm, VerificationMethod] = {}
    for method in issuer.keys.signing_lists(did):
        if (algorithm := algorithm_of(method.public_key_multibase)) is not None:
            held[algorithm] = method
    for mechanism in (*issuer.mechanisms, *_EITHER):
        for algorithm in in_order(mechanism, issuer.chosen.key_algorithms):
            if mechanism in EMBEDDED and algorithm in held:
                return ListMethods(mechanism, held[algorithm], next(held[one] for one in _ENVELOPED if one in held))
    raise UnknownIssuer(f"The registry holds no key that may sign the lists of {did}.")
