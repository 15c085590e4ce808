"""Data Integrity proofs: what is hashed and signed for each cryptosuite.

Sources: Verifiable Credential Data Integrity 1.0; vc-di-eddsa 1.0, sections 3.2 (eddsa-rdfc-2022) and 3.3
(eddsa-jcs-2022); vc-di-ecdsa 1.0, sections 3.2 (ecdsa-rdfc-2019) and 3.3 (ecdsa-jcs-2019); vc-di-eddsa, appendix A
(Ed25519Signature2020).

What is signed is hash(canonical proof configuration) ‖ hash(canonical document), with SHA-384 for P-384 keys and
SHA-256 for all others. In RDF the configuration of most proofs has the same shape, so its canonical form is a template.
That is safe because

* the document's contexts define the proof's terms, protected: credentials/v2 as the first one, or credentials/v1 as
  the first and data-integrity/v2 (for Ed25519Signature2020: the suite's context) after it. No later context may give
  them another meaning (JSON-LD 1.1, section 4.1.11), and each is typed, so no default language applies;
* the verification method is an absolute IRI, and no context defines its scheme as a prefix: `contexts.py` and
  `expand.py` refuse such contexts;
* one blank node, nothing to order, no character that N-Quads would escape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from registry.domain.mechanisms import ALGORITHMS, KeyAlgorithm, Mechanism
from registry.errors import Malformed
from registry.securing import base58
from registry.securing.contexts import CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2, ED25519_2020_V1
from registry.securing.jcs import canonical_json
from registry.securing.moment import date_time_stamp
from registry.securing.rdfc import Digest
from registry.securing.signer import Signer
from registry.securing.terms import iri

DATA_INTEGRITY_PROOF: Final = "DataIntegrityProof"
ED25519_SIGNATURE_2020: Final = "Ed25519Signature2020"

Document = dict[str, Any]

_PURPOSES: Final = {
    "assertionMethod": "https://w3id.org/security#assertionMethod",
    "authentication": "https://w3id.org/security#authenticationMethod",
}
_CONFIGURATION: Final = (
    '_:c14n0 <http://purl.org/dc/terms/created> "{created}"^^<http://www.w3.org/2001/XMLSchema#dateTime> .\n'
    "_:c14n0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/security#{type}> .\n"
    "{cryptosuite}"
    "_:c14n0 <https://w3id.org/security#proofPurpose> <{purpose}> .\n"
    "_:c14n0 <https://w3id.org/security#verificationMethod> {method} .\n"
)
_CRYPTOSUITE: Final = (
    '_:c14n0 <https://w3id.org/security#cryptosuite> "{name}"^^<https://w3id.org/security#cryptosuiteString> .\n'
)
_PLAIN_MEMBERS: Final = frozenset({"type", "cryptosuite", "created", "verificationMethod", "proofPurpose"})


@dataclass(frozen=True, slots=True)
class Cryptosuite:
    """One way to make and check a proof; `context` is the one that defines its terms beside credentials/v1."""

    name: str
    proof_type: str
    is_rdf: bool
    algorithms: tuple[KeyAlgorithm, ...]
    context: str


CRYPTOSUITES: Final[Mapping[str, Cryptosuite]] = {
    **{
        mechanism.value: Cryptosuite(
            mechanism.value, DATA_INTEGRITY_PROOF, "-rdfc-" in mechanism, ALGORITHMS[mechanism], DATA_INTEGRITY_V2
        )
        for mechanism in (
            Mechanism.EDDSA_RDFC_2022,
            Mechanism.EDDSA_JCS_2022,
            Mechanism.ECDSA_RDFC_2019,
            Mechanism.ECDSA_JCS_2019,
        )
    },
    ED25519_SIGNATURE_2020: Cryptosuite(
        ED25519_SIGNATURE_2020, ED25519_SIGNATURE_2020, True, (KeyAlgorithm.ED25519,), ED25519_2020_V1
    ),
}


def cryptosuite_of(proof: Mapping[str, Any]) -> Cryptosuite:
    """Return the cryptosuite that *proof* names; raise `Malformed` when it is none that is judged here."""
    type_ = proof.get("type")
    name = proof.get("cryptosuite") if type_ == DATA_INTEGRITY_PROOF else type_
    suite = CRYPTOSUITES.get(name) if isinstance(name, str) else None
    if suite is None or suite.proof_type != type_:
        raise Malformed(
            f"A proof of the kind {str(name or type_)[:80]!r} is none that is judged here; those are "
            f"{', '.join(CRYPTOSUITES)}."
        )
    return suite


def prove(
    document: Document,
    suite: Cryptosuite,
    *,
    signer: Signer,
    verification_method: str,
    created: datetime,
    canonical: str | None = None,
) -> dict[str, Any]:
    """Return a proof of *document*, which has none yet; the same input gives the same bytes.

    *canonical* is the document's canonical N-Quads by `digest_of` the key, for suites over RDF. The proof's purpose is
    `assertionMethod`.
    Raises `Malformed` for a key that the suite does not sign with, for a document that has a proof, and, in RDF, for
    one whose contexts do not define the proof's terms or a verification method that N-Quads would escape.
    """
    if signer.algorithm not in suite.algorithms:
        raise Malformed(f"{suite.name} does not sign with {signer.algorithm} keys.")
    if "proof" in document:
        raise Malformed("The document has a proof already; hand it in without.")
    proof: dict[str, Any] = {
        "type": suite.proof_type,
        "cryptosuite": suite.name,
        "created": date_time_stamp(created),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
    }
    if suite.proof_type != DATA_INTEGRITY_PROOF:
        del proof["cryptosuite"]
    if suite.is_rdf:
        _require_terms(document, suite)
        iri(verification_method)
        configuration = configuration_by_template(document, proof, suite)
        if canonical is None or configuration is None:
            raise Malformed(f"{suite.name} needs the canonical form of the document.")
        hashed = hash_data(configuration.encode(), canonical.encode(), signer.algorithm)
    else:
        if "@context" in document:
            proof["@context"] = document["@context"]
        hashed = hash_data(canonical_json(proof), canonical_json(document), signer.algorithm)
    return {**proof, "proofValue": "z" + base58.encode(signer.sign(hashed))}


def configuration_by_template(document: Mapping[str, Any], proof: Mapping[str, Any], suite: Cryptosuite) -> str | None:
    """Return the canonical N-Quads of the configuration of *proof*, or None where the template is not sure to be right.

    *proof* comes without its proofValue.
    """
    is_data_integrity = suite.proof_type == DATA_INTEGRITY_PROOF
    members = _PLAIN_MEMBERS if is_data_integrity else _PLAIN_MEMBERS - {"cryptosuite"}
    if proof.keys() != members or proof["proofPurpose"] not in _PURPOSES or not _has_terms(document, suite):
        return None
    try:
        method = iri(proof["verificationMethod"])
    except Malformed:
        return None
    return _CONFIGURATION.format(
        created=proof["created"],
        type=suite.proof_type,
        cryptosuite=_CRYPTOSUITE.format(name=suite.name) if is_data_integrity else "",
        purpose=_PURPOSES[proof["proofPurpose"]],
        method=method,
    )


def hash_data(configuration: bytes, document: bytes, algorithm: str) -> bytes:
    """Return what a key of *algorithm* signs, 64 or 96 bytes, from both canonical forms."""
    digest = hashlib.sha384 if digest_of(algorithm) == "sha384" else hashlib.sha256
    return digest(configuration).digest() + digest(document).digest()


def digest_of(algorithm: str) -> Digest:
    """Return the digest that goes with a key of *algorithm*: for hashing, and for canonicalising in RDF before."""
    return "sha384" if algorithm == KeyAlgorithm.P384 else "sha256"


def _require_terms(document: Mapping[str, Any], suite: Cryptosuite) -> None:
    if not _has_terms(document, suite):
        raise Malformed(
            f"The first context of a credential must be {CREDENTIALS_V2}, or {CREDENTIALS_V1} with {suite.context}"
            f" after it, for a proof by {suite.name}."
        )


def _has_terms(document: Mapping[str, Any], suite: Cryptosuite) -> bool:
    """Return whether the contexts of *document* give the terms of a proof their one meaning."""
    found = document.get("@context")
    contexts = found if isinstance(found, list) else [found]
    if contexts[:1] == [CREDENTIALS_V2] and suite.proof_type == DATA_INTEGRITY_PROOF:
        return True
    return contexts[:1] in ([CREDENTIALS_V1], [CREDENTIALS_V2]) and suite.context in contexts
