"""COSE_Sign1 over CBOR, as credentials and status lists use it.

Sources: RFC 9052 (COSE), RFC 9053 and RFC 9864 (algorithms), RFC 9596 (typ), RFC 8949 (CBOR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, NoReturn

import cbor2

from registry.domain.mechanisms import KeyAlgorithm
from registry.errors import Malformed
from registry.securing.public_key import RSA, PublicKey
from registry.securing.signer import Signer

_SIGN1_TAG: Final = b"\xd2"
"""The CBOR tag 18 of a COSE_Sign1, in its one shortest encoding."""

ALG: Final = 1
CRIT: Final = 2
CONTENT_TYPE: Final = 3
KID: Final = 4
TYP: Final = 16

_NUMBERS: Final = {KeyAlgorithm.ED25519: -8, KeyAlgorithm.P256: -7, KeyAlgorithm.P384: -35}
_ALGORITHMS: Final[Mapping[int, str]] = {
    -8: KeyAlgorithm.ED25519,
    -19: KeyAlgorithm.ED25519,
    -7: KeyAlgorithm.P256,
    -9: KeyAlgorithm.P256,
    -35: KeyAlgorithm.P384,
    -51: KeyAlgorithm.P384,
    -257: RSA,
}
"""`alg` → the one kind of key: EdDSA, ES256 and ES384, the same fully specified (RFC 9864), RS256 (RFC 8812)."""

_REFUSED: Final[Mapping[int, str]] = {CRIT: "crit", 32: "x5bag", 33: "x5chain", 35: "x5u"}
"""Parameters that would change what is verified, or bring a key along that nobody vouches for."""
_MAX_DEPTH: Final = 16


@dataclass(frozen=True, slots=True)
class Sign1:
    """A COSE_Sign1 whose form was checked; `verify` says whether its signature holds."""

    protected: Mapping[int | str, Any]
    unprotected: Mapping[int | str, Any]
    payload: bytes
    signature: bytes
    signed: bytes
    """The encoded Sig_structure (RFC 9052, section 4.4)."""

    def verify(self, key: PublicKey) -> bool:
        """Return whether *key* made the signature; false for a key of another kind than `alg` names."""
        return key.algorithm == _ALGORITHMS[self.protected[ALG]] and key.verify(self.signed, self.signature)

    @property
    def key_id(self) -> str | None:
        """The `kid` as text; the protected one counts first. None when there is none."""
        kid = self.protected.get(KID, self.unprotected.get(KID))
        try:
            return kid.decode() if isinstance(kid, bytes) else None
        except UnicodeDecodeError:
            return None


def sign1(payload: bytes, *, signer: Signer, key_id: str, typ: str, content_type: str | None = None) -> bytes:
    """Return the tagged COSE_Sign1 of *payload*; every header parameter is protected."""
    header: dict[int, Any] = {ALG: _NUMBERS[signer.algorithm], KID: key_id.encode(), TYP: typ}
    if content_type is not None:
        header[CONTENT_TYPE] = content_type
    protected = cbor2.dumps(header, canonical=True)
    signature = signer.sign(_sig_structure(protected, payload))
    return _SIGN1_TAG + cbor2.dumps([protected, {}, payload, signature])


def read(content: bytes) -> Sign1:
    """Return the COSE_Sign1 in *content*; raise `Malformed`, naming what is wrong with it.

    The tag 18 must be there, and no other around it. Says nothing about who signed it: see `Sign1.verify`.
    """
    if not content.startswith(_SIGN1_TAG):
        raise Malformed(f"A COSE_Sign1 begins with the CBOR tag {_SIGN1_TAG[0] - 0xC0}.")
    parts = decode(content[1:], "The COSE_Sign1")
    if not (isinstance(parts, list) and len(parts) == 4):
        raise Malformed("A COSE_Sign1 is an array of four.")
    protected, unprotected, payload, signature = parts
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise Malformed("Protected header, payload and signature of a COSE_Sign1 are byte strings.")
    header = decode(protected, "The protected header") if protected else {}
    if not isinstance(header, dict) or not isinstance(unprotected, dict):
        raise Malformed("The headers of a COSE_Sign1 are maps.")
    _refuse(header, unprotected)
    return Sign1(header, unprotected, payload, signature, _sig_structure(protected, payload))


def decode(content: bytes, what: str) -> Any:
    """Return the CBOR value in *content*, all of it; raise `Malformed`, naming *what* it is.

    Tags, duplicate keys, deep nesting, and bytes after the value are refused.
    """
    stream = BytesIO(content)
    try:
        value = cbor2.CBORDecoder(
            stream,
            tag_hook=_refuse_tag,
            semantic_decoders=_REFUSED_TAGS,
            max_depth=_MAX_DEPTH,
            allow_duplicate_keys=False,
        ).decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise Malformed(f"{what} is no CBOR as it is read here.") from error
    if stream.tell() != len(content):
        raise Malformed(f"{what} is followed by other bytes.")
    return value


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("No tag has a place here.")


_REFUSED_TAGS: Final = dict.fromkeys(
    (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799), _refuse_tag
)
"""The tags that cbor2 would build something from, such as a regular expression; the hook sees all others."""


def _refuse(protected: Mapping[int | str, Any], unprotected: Mapping[int | str, Any]) -> None:
    if present := [name for number, name in _REFUSED.items() if number in protected or number in unprotected]:
        raise Malformed(f"The header parameter {present[0]} is not accepted in a COSE_Sign1.")
    alg = protected.get(ALG)
    if isinstance(alg, bool) or not isinstance(alg, int) or alg not in _ALGORITHMS:
        raise Malformed(f"The alg {str(alg)[:40]!r} is not accepted; it is protected, and one of {[*_ALGORITHMS]}.")
    if twice := protected.keys() & unprotected.keys():
        raise Malformed(f"The header parameter {str(min(twice, key=str))[:40]} is both protected and unprotected.")


def _sig_structure(protected: bytes, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", protected, b"", payload])
