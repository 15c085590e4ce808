"""Public keys: Ed25519, P-256, P-384, and RSA for verification only; as Multikey and as JWK.

Sources: Controlled Identifiers 1.0, sections 2.2.2 and 2.2.3; RFC 7517, RFC 7518 and RFC 8037 (JWK); SEC 1 (points).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from registry.domain.mechanisms import KeyAlgorithm
from registry.errors import Malformed
from registry.securing import base58, base64url

RSA: Final = "RSA"

_LENGTHS: Final = {KeyAlgorithm.ED25519: 32, KeyAlgorithm.P256: 33, KeyAlgorithm.P384: 49}
_MULTICODECS: Final = {
    KeyAlgorithm.ED25519: b"\xed\x01",
    KeyAlgorithm.P256: b"\x80\x24",
    KeyAlgorithm.P384: b"\x81\x24",
}
"""Multicodec prefixes of the public keys, as varints."""
_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, ec.ECDSA, int]]] = {
    KeyAlgorithm.P256: (ec.SECP256R1(), ec.ECDSA(hashes.SHA256()), 32),
    KeyAlgorithm.P384: (ec.SECP384R1(), ec.ECDSA(hashes.SHA384()), 48),
}
"""Curve, the signature over it with the hash that goes with it, bytes of a coordinate."""
_RSA_BITS: Final = range(2048, 8193)
_RSA_EXPONENTS: Final = range(3, 2**32 + 2)
_RSA_MOST_BYTES: Final = 1100
_LONGEST_MULTIKEY: Final = 80
_REMEMBERED: Final = 4096
"""Keys kept ready: an issuer's is met again and again, and to unpack a point takes as long as to verify."""
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_P: Final = 2**255 - 19
_ORDER_8: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER: Final = frozenset({0, 1, _P - 1, _P, _P + 1, _ORDER_8, _P - _ORDER_8})
"""The y coordinates of Ed25519 points of small order: under such a key one signature fits every message."""

_Loaded = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: a `KeyAlgorithm` value or "RSA", and its bytes.

    `raw` is 32 bytes for Ed25519, a compressed point (SEC 1) of 33 or 49 bytes for P-256 and P-384, the
    SubjectPublicKeyInfo in DER for RSA. Raises `Malformed` for bytes that are no such key.
    """

    algorithm: str
    raw: bytes

    def __post_init__(self) -> None:
        _loaded(self.algorithm, self.raw)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether *signature* is this key's for *message*.

        Ed25519 of RFC 8032; ECDSA as r ‖ s (IEEE P1363) over SHA-256 (P-256) or SHA-384 (P-384); RSA as PKCS #1 v1.5
        over SHA-256.
        """
        key = _loaded(self.algorithm, self.raw)
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, message)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                _, ecdsa, size = _CURVES[self.algorithm]
                if len(signature) != 2 * size:
                    return False
                r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
                key.verify(encode_dss_signature(r, s), message, ecdsa)
            else:
                key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def multikey(self) -> str:
        """Return the key as Multikey text: `z6Mk…`, `zDn…` or `z82L…`. An RSA key has no such form (`ValueError`)."""
        if self.algorithm == RSA:
            raise ValueError("An RSA key has no Multikey form.")
        return "z" + base58.encode(_MULTICODECS[KeyAlgorithm(self.algorithm)] + self.raw)

    def jwk(self) -> dict[str, str]:
        """Return the key as a JWK."""
        key = _loaded(self.algorithm, self.raw)
        if isinstance(key, Ed25519PublicKey):
            return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(self.raw)}
        if isinstance(key, ec.EllipticCurvePublicKey):
            size, point = _CURVES[self.algorithm][2], key.public_numbers()
            x, y = (base64url.encode(number.to_bytes(size)) for number in (point.x, point.y))
            return {"kty": "EC", "crv": self.algorithm, "x": x, "y": y}
        numbers = key.public_numbers()
        n, e = (base64url.encode(one.to_bytes((one.bit_length() + 7) // 8)) for one in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": n, "e": e}

    @classmethod
    def from_multikey(cls, text: str) -> PublicKey:
        """Return the key that the Multikey *text* is; raise `Malformed`."""
        return _from_multikey(text) if isinstance(text, str) else _from_multikey("")

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> PublicKey:
        """Return the key that *jwk* is; raise `Malformed`, also for one that holds a secret or is not for signing."""
        if _SECRET_MEMBERS & jwk.keys():
            raise Malformed("A JWK in public must hold no secret; this key is lost to its owner.")
        if jwk.get("use", "sig") != "sig" or not _may_verify(jwk.get("key_ops")):
            raise Malformed("The JWK is not for signatures.")
        kty, crv = jwk.get("kty"), jwk.get("crv")
        if kty == "OKP" and crv == KeyAlgorithm.ED25519:
            return cls(KeyAlgorithm.ED25519.value, _member(jwk, "x"))
        if kty == "EC" and isinstance(crv, str) and crv in _CURVES:
            return cls(KeyAlgorithm(crv).value, _compressed(crv, _member(jwk, "x"), _member(jwk, "y")))
        if kty == "RSA":
            return cls(RSA, _rsa(_member(jwk, "n"), _member(jwk, "e")))
        raise Malformed(f"A JWK of kty {str(kty)[:40]!r} and crv {str(crv)[:40]!r} is no key that is known here.")


@lru_cache(maxsize=_REMEMBERED)
def _loaded(algorithm: str, raw: bytes) -> _Loaded:
    try:
        if algorithm == KeyAlgorithm.ED25519:
            if int.from_bytes(raw, "little") % 2**255 in _SMALL_ORDER:
                raise Malformed("An Ed25519 key of small order proves nothing.")
            return Ed25519PublicKey.from_public_bytes(raw)
        if algorithm in _CURVES and len(raw) == _LENGTHS[KeyAlgorithm(algorithm)]:
            return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[algorithm][0], raw)
        if algorithm == RSA and len(raw) <= _RSA_MOST_BYTES:
            key = load_der_public_key(raw)
            if isinstance(key, rsa.RSAPublicKey) and _is_usual(key):
                return key
    except (ValueError, UnsupportedAlgorithm):
        pass
    raise Malformed(f"{len(raw)} bytes that are no {algorithm[:40]} public key.")


def _is_usual(key: rsa.RSAPublicKey) -> bool:
    """Return whether *key* is neither weak nor made to be slow."""
    return key.key_size in _RSA_BITS and key.public_numbers().e in _RSA_EXPONENTS


@lru_cache(maxsize=_REMEMBERED)
def _from_multikey(text: str) -> PublicKey:
    decoded = base58.decode(text[1:]) if text.startswith("z") and len(text) <= _LONGEST_MULTIKEY else b""
    for algorithm, prefix in _MULTICODECS.items():
        if decoded.startswith(prefix) and len(decoded) == _LENGTHS[algorithm] + len(prefix):
            return PublicKey(algorithm.value, decoded[len(prefix) :])
    raise Malformed(f"{text[:80]!r} is no Ed25519, P-256 or P-384 public key in Multikey form.")


def _may_verify(operations: object) -> bool:
    return operations is None or (isinstance(operations, list) and "verify" in operations)


def _member(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or len(value) > 2 * _RSA_MOST_BYTES:
        raise Malformed(f"The member {name} of a JWK of this kind is missing or too long.")
    return base64url.decode(value, f"The member {name} of the JWK")


def _compressed(curve: str, x: bytes, y: bytes) -> bytes:
    group, _, size = _CURVES[curve]
    try:
        if len(x) == len(y) == size:
            point = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), group).public_key()
            return point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    except ValueError:
        pass
    raise Malformed(f"The JWK's x and y are no point of {curve}.")


def _rsa(n: bytes, e: bytes) -> bytes:
    try:
        key = rsa.RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError as error:
        raise Malformed("The JWK's n and e are no RSA public key.") from error
