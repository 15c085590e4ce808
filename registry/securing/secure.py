"""Secures a document in any mechanism: an embedded proof, a JWS, or a COSE_Sign1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from registry.domain.mechanisms import ALGORITHMS, Mechanism
from registry.errors import Malformed
from registry.securing import cose, jose
from registry.securing.data_integrity import CRYPTOSUITES, ED25519_SIGNATURE_2020, prove
from registry.securing.enveloped import content_type, data_url
from registry.securing.signer import Signer

EMBEDDED_TYPE: Final = "application/vc"


@dataclass(frozen=True, slots=True)
class Secured:
    """A secured credential as the bytes that are published, and their media type."""

    content: bytes
    media_type: str
    mechanism: Mechanism

    @property
    def is_enveloped(self) -> bool:
        """Whether the credential is inside a JWS or COSE_Sign1, and not JSON with an embedded proof."""
        return self.media_type != EMBEDDED_TYPE

    def data_url(self) -> str:
        """Return the content as the `id` of an EnvelopedVerifiableCredential (VCDM 2.0, section 4.13)."""
        return data_url(self.content, self.media_type)


def secure(
    document: dict[str, Any],
    mechanism: Mechanism,
    *,
    signer: Signer,
    verification_method: str,
    created: datetime,
    canonical: str | None = None,
    ed25519_2020: bool = False,
) -> Secured:
    """Return *document* secured by *mechanism*; the same input gives the same bytes, if the signer is deterministic.

    *verification_method* is a DID URL, *created* an aware time of which embedded proofs keep the second; *canonical*
    is the document's canonical N-Quads by `digest_of` the signer's key, needed by the `-rdfc-` cryptosuites only. With
    *ed25519_2020* an embedded proof gets an Ed25519Signature2020 beside it, for older wallets; that needs *canonical*
    and the suite's context too. Raises `Malformed` for a signer whose key the mechanism does not take, a document that
    has a proof already, and one whose contexts do not define the terms of the proof.
    """
    if signer.algorithm not in ALGORITHMS[mechanism]:
        raise Malformed(f"{mechanism} does not sign with {signer.algorithm} keys.")
    if "proof" in document:
        raise Malformed("The document has a proof already; hand it in without.")
    if mechanism in CRYPTOSUITES:
        names = [mechanism.value, ED25519_SIGNATURE_2020] if ed25519_2020 else [mechanism.value]
        proofs = [
            prove(
                document,
                CRYPTOSUITES[name],
                signer=signer,
                verification_method=verification_method,
                created=created,
                canonical=canonical,
            )
            for name in names
        ]
        content = orjson.dumps({**document, "proof": proofs if ed25519_2020 else proofs[0]})
        return Secured(content, EMBEDDED_TYPE, mechanism)
    return _enveloped(document, mechanism, signer, verification_method)


def _enveloped(document: dict[str, Any], mechanism: Mechanism, signer: Signer, key_id: str) -> Secured:
    payload, media_type = orjson.dumps(document), f"application/{mechanism}"
    if mechanism is Mechanism.VC_JWT:
        typ, cty = mechanism.value, content_type(mechanism)
        content = jose.sign(payload, signer=signer, key_id=key_id, typ=typ, cty=cty).encode()
    else:
        content = cose.sign1(
            payload, signer=signer, key_id=key_id, typ=media_type, content_type=content_type(mechanism)
        )
    return Secured(content, media_type, mechanism)
