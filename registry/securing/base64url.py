"""base64url without padding (RFC 4648, section 5), read strictly: each value has exactly one spelling."""

from __future__ import annotations

import base64

from registry.errors import Malformed


def encode(content: bytes) -> str:
    """Return *content* as base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str, what: str) -> bytes:
    """Return the bytes that *text* stands for; raise `Malformed`, naming *what* it is, for any other spelling."""
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        decoded = b""
    if encode(decoded) != text:
        raise Malformed(f"{what} is not base64url without padding.")
    return decoded
