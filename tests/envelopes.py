"""An outsider's reader of JWS, COSE_Sign1 and Token Status Lists: RFC 7515, RFC 9052, and section 4 of the last.

It shares no code with the registry: what that gets wrong, this sees.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any

import base58
import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

ED25519, P256 = b"\xed\x01", b"\x80\x24"
"""The multicodec prefixes of the two kinds of key (Controlled Identifiers 1.0, section 2.2.2)."""


@dataclass(frozen=True)
class Envelope:
    """What was signed, and what says so; `header` is the protected one."""

    header: dict[Any, Any]
    payload: bytes
    signature: bytes
    signed: bytes

    def check(self, public_key_multibase: str) -> None:
        """Raise `InvalidSignature` unless the key made the signature."""
        raw = base58.b58decode(public_key_multibase[1:])
        prefix, key = raw[:2], raw[2:]
        if prefix == ED25519:
            Ed25519PublicKey.from_public_bytes(key).verify(self.signature, self.signed)
        else:
            assert prefix == P256
            r, s = (int.from_bytes(self.signature[half : half + 32], "big") for half in (0, 32))
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
            point.verify(encode_dss_signature(r, s), self.signed, ec.ECDSA(hashes.SHA256()))


def jws(content: bytes) -> Envelope:
    """Read a compact JWS."""
    header, payload, signature = content.split(b".")
    return Envelope(json.loads(b64(header)), b64(payload), b64(signature), header + b"." + payload)


def sign1(content: bytes) -> Envelope:
    """Read a COSE_Sign1 with its tag 18, and nothing around it."""
    assert content[0] == 0xC0 + 18
    protected, unprotected, payload, signature = cbor2.loads(content).value
    assert unprotected == {}
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    return Envelope(cbor2.loads(protected), payload, signature, signed)


def b64(text: bytes) -> bytes:
    """Decode base64url that has no padding."""
    assert not text.endswith(b"=")
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


@dataclass(frozen=True)
class TokenList:
    """A status list of the IETF's, inflated."""

    bits: int
    packed: bytes

    @classmethod
    def of(cls, bits: int, stream: bytes) -> TokenList:
        """Inflate a ZLIB stream, whose first byte says what it is."""
        assert stream[0] == 0x78
        return cls(bits, zlib.decompress(stream))

    def value(self, index: int) -> int:
        """The first index is in the least significant bits of the first byte."""
        per_byte = 8 // self.bits
        octet, place = divmod(index, per_byte)
        return (self.packed[octet] >> (place * self.bits)) % (1 << self.bits)

    def not_zero(self) -> dict[int, int]:
        """Return index → value, of the entries that are not 0."""
        per_byte = 8 // self.bits
        return {
            index: value
            for octet, byte in enumerate(self.packed)
            if byte
            for index in range(octet * per_byte, (octet + 1) * per_byte)
            if (value := self.value(index))
        }


def token_of_jwt(content: bytes) -> tuple[dict[str, Any], TokenList]:
    """Return the claims of a `statuslist+jwt`, and its list."""
    claims = json.loads(jws(content).payload)
    return claims, TokenList.of(claims["status_list"]["bits"], b64(claims["status_list"]["lst"].encode("ascii")))


def token_of_cwt(content: bytes) -> tuple[dict[int, Any], TokenList]:
    """Return the claims of a `statuslist+cwt`, and its list."""
    claims = cbor2.loads(sign1(content).payload)
    return claims, TokenList.of(claims[65533]["bits"], claims[65533]["lst"])


def w3c_bits(document: dict[str, Any]) -> set[int]:
    """Return the indices that are set in a list credential of single bits: the first is the left-most bit."""
    encoded = document["credentialSubject"]["encodedList"]
    assert encoded[0] == "u"
    inflated = zlib.decompress(b64(encoded[1:].encode("ascii")), wbits=31)
    return {
        8 * octet + place for octet, byte in enumerate(inflated) if byte for place in range(8) if byte << place & 128
    }
