"""One signer of each kind, always the same; what the vault hands out has this shape."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registry.domain.mechanisms import KeyAlgorithm
from registry.securing.did import key_method
from registry.securing.public_key import PublicKey


@dataclass(frozen=True)
class Ed25519:
    private: Ed25519PrivateKey
    algorithm: KeyAlgorithm = KeyAlgorithm.ED25519

    @property
    def public_key(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


@dataclass(frozen=True)
class Ecdsa:
    private: ec.EllipticCurvePrivateKey
    algorithm: KeyAlgorithm

    @property
    def public_key(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, message: bytes) -> bytes:
        hash_, size = (hashes.SHA256(), 32) if self.algorithm == KeyAlgorithm.P256 else (hashes.SHA384(), 48)
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(hash_, deterministic_signing=True)))
        return r.to_bytes(size) + s.to_bytes(size)


AnySigner = Ed25519 | Ecdsa


def ed25519(secret: bytes) -> Ed25519:
    return Ed25519(Ed25519PrivateKey.from_private_bytes(secret))


def ecdsa(algorithm: KeyAlgorithm, secret: int) -> Ecdsa:
    curve = ec.SECP256R1() if algorithm == KeyAlgorithm.P256 else ec.SECP384R1()
    return Ecdsa(ec.derive_private_key(secret, curve), algorithm)


SIGNERS: dict[str, AnySigner] = {
    "Ed25519": ed25519(bytes(range(32))),
    "P-256": ecdsa(KeyAlgorithm.P256, 2**200 + 7),
    "P-384": ecdsa(KeyAlgorithm.P384, 2**300 + 7),
}


def key_of(signer: AnySigner) -> PublicKey:
    return PublicKey(signer.algorithm.value, signer.public_key)


def method_of(signer: AnySigner) -> str:
    """The verification method's URL of the signer's did:key."""
    return key_method(key_of(signer)).id
