"""JSON Web Signature in its compact form, as credentials and status lists use it.

Sources: RFC 7515 (JWS), RFC 8037 and RFC 9864 (EdDSA), RFC 7518 (ES256, ES384, RS256), RFC 8725 (best practices).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from registry.domain.mechanisms import KeyAlgorithm
from registry.errors import Malformed
from registry.securing import base64url
from registry.securing.public_key import RSA, PublicKey
from registry.securing.signer import Signer
from registry.strict_json import json_object

_NAMES: Final = {KeyAlgorithm.ED25519: "EdDSA", KeyAlgorithm.P256: "ES256", KeyAlgorithm.P384: "ES384"}
_ALGORITHMS: Final[Mapping[str, str]] = {
    "EdDSA": KeyAlgorithm.ED25519,
    "Ed25519": KeyAlgorithm.ED25519,
    "ES256": KeyAlgorithm.P256,
    "ES384": KeyAlgorithm.P384,
    "RS256": RSA,
}
"""`alg` → the one kind of key it may be verified with; what is missing here, `none` first of all, is refused."""

_REFUSED: Final = ("crit", "b64", "jwk", "jku", "x5u", "x5c", "zip")
"""Parameters that would change what is verified, or bring a key along that nobody vouches for."""

_LONGEST_HEADER: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class Jws:
    """A JWS whose form was checked; `verify` says whether its signature holds."""

    header: Mapping[str, Any]
    payload: bytes
    signature: bytes
    signing_input: bytes

    def verify(self, key: PublicKey) -> bool:
        """Return whether *key* made the signature; false for a key of another kind than `alg` names."""
        return key.algorithm == _ALGORITHMS[self.header["alg"]] and key.verify(self.signing_input, self.signature)


def sign(payload: bytes, *, signer: Signer, key_id: str, typ: str, **header: str) -> str:
    """Return the compact JWS of *payload*; `alg` follows from the key, *header* adds parameters such as `cty`."""
    protected = {"alg": _NAMES[signer.algorithm], "typ": typ, **header, "kid": key_id}
    signing_input = f"{base64url.encode(orjson.dumps(protected))}.{base64url.encode(payload)}"
    return f"{signing_input}.{base64url.encode(signer.sign(signing_input.encode()))}"


def read(token: str | bytes) -> Jws:
    """Return the compact JWS *token* in its parts; raise `Malformed`, naming what is wrong with it.

    Says nothing about who signed it: see `Jws.verify`.
    """
    text = _text(token)
    parts = text.split(".")
    if len(parts) != 3 or len(parts[0]) > _LONGEST_HEADER:
        raise Malformed("A compact JWS is three parts of base64url with dots between them.")
    header = json_object(base64url.decode(parts[0], "The header of the JWS"), "The header of the JWS")
    if present := [name for name in _REFUSED if name in header]:
        raise Malformed(f"The header parameter {present[0]} is not accepted in a JWS.")
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in _ALGORITHMS:
        raise Malformed(f"The alg {str(alg)[:40]!r} is not accepted; use one of {', '.join(_ALGORITHMS)}.")
    if not isinstance(header.get("kid", ""), str) or not isinstance(header.get("typ", ""), str):
        raise Malformed("The header parameters kid and typ are text.")
    return Jws(
        header,
        base64url.decode(parts[1], "The payload of the JWS"),
        base64url.decode(parts[2], "The signature of the JWS"),
        text[: text.rindex(".")].encode(),
    )


def _text(token: str | bytes) -> str:
    try:
        text = token.decode("ascii") if isinstance(token, bytes) else token
    except UnicodeDecodeError:
        text = ""
    if not text.isascii():
        raise Malformed("A compact JWS is ASCII.")
    return text
