"""Data Integrity proofs with the cryptosuite eddsa-rdfc-2022 (W3C vc-di-eddsa 1.0, section 3.2).

What is signed is SHA-256(canonical proof configuration) ‖ SHA-256(canonical document). The proof configuration has
always the same shape, so its canonical form is a template. That is safe because

* the document's first context is credentials/v2, whose terms for a DataIntegrityProof are protected: no later context
  may give them another meaning (JSON-LD 1.1, section 4.1.11), and each is typed, so no default language applies;
* the verification method is an absolute IRI, and no context defines its scheme as a prefix: `contexts.py` and
  `expand.py` refuse such contexts;
* one blank node, nothing to order, no character that N-Quads would escape.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import base58
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.errors import Malformed
from registry.securing.contexts import CREDENTIALS_V2
from registry.securing.did import public_key_of
from registry.securing.terms import iri

CRYPTOSUITE: Final = "eddsa-rdfc-2022"

_PROOF_CONFIGURATION: Final = """\
_:c14n0 <http://purl.org/dc/terms/created> "{created}"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
_:c14n0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/security#DataIntegrityProof> .
_:c14n0 <https://w3id.org/security#cryptosuite> "eddsa-rdfc-2022"^^<https://w3id.org/security#cryptosuiteString> .
_:c14n0 <https://w3id.org/security#proofPurpose> <https://w3id.org/security#assertionMethod> .
_:c14n0 <https://w3id.org/security#verificationMethod> {verification_method} .
"""

Sign = Callable[[bytes], bytes]
"""Signs with Ed25519 (RFC 8032): the message in, 64 bytes out."""


def secure(
    document: dict[str, Any], canonical: str, *, sign: Sign, verification_method: str, created: datetime
) -> dict[str, Any]:
    """Return *document* with an embedded proof; the same input gives the same bytes.

    *canonical* is the document's canonical N-Quads, *verification_method* a DID URL, *created* an aware time of which
    the second is kept. Raises `Malformed` for a document that has a proof or whose first context is not
    credentials/v2, and for a verification method that N-Quads would escape.
    """
    contexts = document.get("@context")
    if contexts != CREDENTIALS_V2 and not (isinstance(contexts, list) and contexts[:1] == [CREDENTIALS_V2]):
        raise Malformed(f"The first context of a credential must be {CREDENTIALS_V2}.")
    if "proof" in document:
        raise Malformed("The document has a proof already; hand it in without.")
    moment = date_time_stamp(created)
    configuration = _PROOF_CONFIGURATION.format(created=moment, verification_method=iri(verification_method))
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": moment,
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
        "proofValue": "z" + base58.b58encode(sign(hash_data(configuration, canonical))).decode(),
    }
    return {**document, "proof": proof}


async def verify(
    document: dict[str, Any],
    *,
    canonical_of: Callable[[dict[str, Any]], Awaitable[str]],
    key_of: Callable[[str], bytes] | None = None,
) -> bool:
    """Return whether every eddsa-rdfc-2022 proof of *document* holds; proofs of other kinds are not looked at.

    *key_of* returns the public key of a verification method; without it, only did:key is known. Says nothing about
    who may use that key: the caller compares its controller with the issuer. Raises `Malformed` when there is no
    such proof, or one that this function cannot judge.
    """
    proofs = [proof for proof in _proofs(document) if proof.get("cryptosuite") == CRYPTOSUITE]
    if not proofs:
        raise Malformed(f"The document has no {CRYPTOSUITE} proof.")
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    canonical = await canonical_of(unsecured)
    for proof in proofs:
        if proof.get("type") != "DataIntegrityProof" or "previousProof" in proof:
            raise Malformed("The proof is not a DataIntegrityProof that stands alone.")
        configuration = {**proof, "@context": document.get("@context")}
        signature = _signature(configuration.pop("proofValue", None))
        key = (key_of or key_of_did_key)(str(proof.get("verificationMethod")))
        data = hash_data(await canonical_of(configuration), canonical)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
        except InvalidSignature:
            return False
    return True


def hash_data(configuration: str, document: str) -> bytes:
    """Return the 64 bytes that are signed (section 3.2.4), from both canonical forms."""
    return hashlib.sha256(configuration.encode()).digest() + hashlib.sha256(document.encode()).digest()


def date_time_stamp(moment: datetime) -> str:
    """Return the aware *moment* as an XSD dateTimeStamp in UTC with whole seconds: `2025-01-31T12:00:00Z`."""
    if moment.tzinfo is None:
        raise ValueError("A moment without a time zone is no moment.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


def key_of_did_key(verification_method: str) -> bytes:
    """Return the public key of a did:key's verification method (`did:key:z…#z…`)."""
    if not (match := re.fullmatch(r"did:key:(z[^#]+)#\1", verification_method)):
        raise Malformed(f"{verification_method[:200]!r} is not the verification method of a did:key.")
    return public_key_of(match[1])


def _proofs(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document.get("proof", [])
    proofs = found if isinstance(found, list) else [found]
    if not all(isinstance(proof, dict) for proof in proofs):
        raise Malformed("A proof is an object.")
    return proofs


def _signature(text: object) -> bytes:
    if not isinstance(text, str) or not text.startswith("z") or len(text) > 100:
        raise Malformed("A proofValue is 64 bytes in base58, after the letter z.")
    try:
        return base58.b58decode(text[1:])
    except ValueError as error:
        raise Malformed("A proofValue is 64 bytes in base58, after the letter z.") from error
