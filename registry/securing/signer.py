"""What can sign: a key of the vault, or anything else of this shape."""

from __future__ import annotations

from typing import Protocol

from registry.domain.mechanisms import KeyAlgorithm


class Signer(Protocol):
    """A private key that is held elsewhere."""

    @property
    def algorithm(self) -> KeyAlgorithm:
        """What kind of key it is."""

    @property
    def public_key(self) -> bytes:
        """Its public half: 32 bytes for Ed25519, a compressed point for P-256 and P-384."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature of *message*: of RFC 8032, or r ‖ s over the curve's own hash."""
