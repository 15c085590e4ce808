"""Embedded proofs: what can be said without checking a signature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.errors import Malformed
from registry.securing import base58
from registry.securing.proof_reading import CLOCK_SKEW
from registry.securing.verification_method import ASSERTION
from registry.verifier.lint.examined import Examined
from registry.verifier.lint.rule import Rule, Severity, Trip, rule, shape
from registry.verifier.lint.verifiers import CORE_PROOF, DATA_MODEL_LIBRARY, EVERY, VC_PURPOSE, WALLETS
from registry.verifier.structure.check import proofs
from registry.verifier.structure.lexical import moment

_PROOF: Final = "VC Data Integrity 1.0, section 2.1"
_KNOWN_TYPES: Final = ("DataIntegrityProof", "Ed25519Signature2020")
_LENGTHS: Final = {
    "eddsa-rdfc-2022": (64,),
    "eddsa-jcs-2022": (64,),
    "ecdsa-rdfc-2019": (64, 96),
    "ecdsa-jcs-2019": (64, 96),
}
"""Cryptosuite → bytes of its signature, by curve."""
_DRAFTS: Final = {
    "eddsa-2022": "eddsa-rdfc-2022",
    "json-eddsa-2022": "eddsa-jcs-2022",
    "jcs-eddsa-2022": "eddsa-jcs-2022",
    "ecdsa-2019": "ecdsa-rdfc-2019",
    "jcs-ecdsa-2019": "ecdsa-jcs-2019",
}
"""Name in a draft → name in the Recommendation."""

proof_shape = shape(
    "proof-shape",
    proofs,
    fails_in=EVERY,
    source="VC Data Integrity 1.0, section 2.1",
    remedy="Let each proof be an object with a `type`, and its moments have a zone.",
)


@rule(
    "proof-missing",
    Severity.NOTE,
    fails_in="every verifier; good before it is signed, or when an envelope (JWT, COSE) secures it",
    source=_PROOF,
    remedy="Have it signed.",
)
def proof_missing(examined: Examined) -> Iterator[Trip]:
    """Nothing secures the document by itself."""
    if not examined.is_secured:
        yield "", "The document has no `proof`."


@rule(
    "envelope-unread",
    Severity.WARNING,
    fails_in=f"{WALLETS}: they read credentials with a proof inside, no JWT and no COSE",
    source=CORE_PROOF,
    remedy="Issue it with an embedded proof (eddsa-rdfc-2022) for these wallets.",
)
def envelope_unread(examined: Examined) -> Iterator[Trip]:
    """A credential in an envelope is for other wallets."""
    if examined.mechanism is not None:
        yield "", f"The credential is secured as {examined.mechanism}."


@rule(
    "proof-suite-missing",
    Severity.ERROR,
    fails_in=EVERY,
    source=_PROOF,
    remedy="Name the `cryptosuite`, such as eddsa-rdfc-2022.",
)
def proof_suite_missing(examined: Examined) -> Iterator[Trip]:
    """A DataIntegrityProof says which cryptosuite made it."""
    for proof, where in examined.proofs:
        if proof.get("type") == "DataIntegrityProof" and not isinstance(proof.get("cryptosuite"), str):
            yield where, "The proof names no `cryptosuite`."


@rule(
    "proof-suite-of-a-draft",
    Severity.ERROR,
    fails_in="every verifier that knows the Recommendations: the names were changed, and what is signed with them",
    source="VC Data Integrity EdDSA and ECDSA Cryptosuites 1.0, section 3",
    remedy="Sign it again, under the suite's final name.",
)
def proof_suite_of_a_draft(examined: Examined) -> Iterator[Trip]:
    """Suites of drafts have no implementation any more."""
    for proof, where in examined.proofs:
        name = proof.get("cryptosuite")
        if isinstance(name, str) and name in _DRAFTS:
            yield f"{where}/cryptosuite", f"{name} became {_DRAFTS[name]}."


@rule(
    "proof-suite-unread",
    Severity.WARNING,
    fails_in=f"{WALLETS}: they check eddsa-rdfc-2022 and Ed25519Signature2020",
    source=CORE_PROOF,
    remedy="Secure it with eddsa-rdfc-2022, alone or beside the other.",
)
def proof_suite_unread(examined: Examined) -> Iterator[Trip]:
    """ECDSA, JCS and selective disclosure are not checked by the common wallets."""
    read = [proof for proof, _ in examined.proofs if _is_read(proof)]
    if read or examined.is_list:
        return
    for proof, where in examined.proofs:
        suite = proof.get("cryptosuite")
        if proof.get("type") == "DataIntegrityProof" and isinstance(suite, str) and suite not in _DRAFTS:
            yield f"{where}/cryptosuite", f"{suite[:80]} is not checked there."


def _is_read(proof: Mapping[str, Any]) -> bool:
    return proof.get("cryptosuite") == "eddsa-rdfc-2022" or proof.get("type") == "Ed25519Signature2020"


@rule(
    "proof-type-unknown",
    Severity.WARNING,
    fails_in="verifiers that want every proof of a set to verify",
    source="VC Data Integrity 1.0, section 4.4; digitalbazaar/jsonld-signatures, lib/ProofSet.js",
    remedy="Leave out proofs of types that verifiers do not know.",
)
def proof_type_unknown(examined: Examined) -> Iterator[Trip]:
    """A proof that nobody can check."""
    for proof, where in examined.proofs:
        if isinstance(proof.get("type"), str) and proof["type"] not in _KNOWN_TYPES:
            yield f"{where}/type", f"{proof['type'][:80]} is no proof type that verifiers know today."


@rule(
    "proof-purpose",
    Severity.ERROR,
    fails_in=EVERY,
    source="VC Data Integrity 1.0, section 2.2; VCDM 2.0, section 4.12",
    remedy="Sign credentials with the proof purpose assertionMethod.",
)
def proof_purpose(examined: Examined) -> Iterator[Trip]:
    """A credential is asserted."""
    for proof, where in examined.proofs:
        if proof.get("proofPurpose") != ASSERTION:
            yield f"{where}/proofPurpose", f"The purpose is {str(proof.get('proofPurpose'))[:80]}."


@rule(
    "proof-controller",
    Severity.WARNING,
    fails_in=f"{DATA_MODEL_LIBRARY}: the issuer must be the controller of the key",
    source=VC_PURPOSE,
    remedy="Sign with a key that the issuer's own controller document lists, named by the issuer's DID.",
)
def proof_controller(examined: Examined) -> Iterator[Trip]:
    """The key's name begins with the issuer's."""
    for proof, where in examined.proofs:
        method = proof.get("verificationMethod")
        if isinstance(method, str) and examined.issuer_id and method.partition("#")[0] != examined.issuer_id:
            yield f"{where}/verificationMethod", "The verification method is not named by the issuer's id."


@rule(
    "proof-method-missing",
    Severity.ERROR,
    fails_in=EVERY,
    source=_PROOF,
    remedy="Name the verification method by its URL.",
)
def proof_method_missing(examined: Examined) -> Iterator[Trip]:
    """A proof says which key made it."""
    for proof, where in examined.proofs:
        if proof.get("type") in _KNOWN_TYPES and not isinstance(proof.get("verificationMethod"), str):
            yield where, "The proof has no `verificationMethod`, a URL."


@rule(
    "proof-method-without-fragment",
    Severity.WARNING,
    fails_in="verifiers that look the key up in the DID document by its full URL",
    source="Controlled Identifiers 1.0, section 2.2 (a verification method has an id of its own)",
    remedy="Write did:key:z6Mk…#z6Mk…: the DID, #, and the key.",
)
def proof_method_without_fragment(examined: Examined) -> Iterator[Trip]:
    """A DID is not a key."""
    for proof, where in examined.proofs:
        method = proof.get("verificationMethod")
        if isinstance(method, str) and method.startswith("did:") and "#" not in method:
            yield f"{where}/verificationMethod", "The verification method is a DID without a fragment."


@rule(
    "proof-from-the-future",
    Severity.ERROR,
    fails_in="verifiers that check when it was made, until that moment has come",
    source="VC Data Integrity 1.0, section 4.4",
    remedy="Set the clock of the signer, and sign again.",
)
def proof_from_the_future(examined: Examined) -> Iterator[Trip]:
    """A proof is not older than the moment it is looked at."""
    for proof, where in examined.proofs:
        created = moment(proof.get("created"))
        if created is not None and created > examined.now + CLOCK_SKEW:
            yield f"{where}/created", f"The proof was made at {proof['created']}, which is still to come."


@rule(
    "proof-value",
    Severity.ERROR,
    fails_in=EVERY,
    source="VC Data Integrity EdDSA and ECDSA Cryptosuites 1.0, section 3 (base58-btc, prefix z)",
    remedy="Encode the signature in base58-btc with the prefix z.",
)
def proof_value(examined: Examined) -> Iterator[Trip]:
    """The signature has the encoding and the length of its suite."""
    for proof, where in examined.proofs:
        suite = "eddsa-rdfc-2022" if proof.get("type") == "Ed25519Signature2020" else str(proof.get("cryptosuite"))
        if suite in _LENGTHS and _length(proof.get("proofValue")) not in _LENGTHS[suite]:
            yield f"{where}/proofValue", f"This is no signature as {suite} writes it."


def _length(value: Any) -> int | None:
    """Return how many bytes a multibase value of base58-btc has; None for anything else."""
    if not isinstance(value, str) or not value.startswith("z") or len(value) > 200:
        return None
    try:
        return len(base58.decode(value[1:]))
    except Malformed:
        return None


RULES: Final[tuple[Rule, ...]] = (
    proof_shape,
    proof_missing,
    envelope_unread,
    proof_suite_missing,
    proof_suite_of_a_draft,
    proof_suite_unread,
    proof_type_unknown,
    proof_purpose,
    proof_controller,
    proof_method_missing,
    proof_method_without_fragment,
    proof_from_the_future,
    proof_value,
)
