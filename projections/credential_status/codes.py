"""The short forms in which `credentials` keeps what repeats a million times. Never renumber: add."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from registry.domain.credential import Status
from registry.domain.events import Purpose

STATUS_CODES = {Status.ACTIVE: 0, Status.SUSPENDED: 1, Status.REVOKED: 2, Status.SUPERSEDED: 3}
STATUSES = {code: status for status, code in STATUS_CODES.items()}

_PURPOSE_BITS = {
    Purpose.REVOCATION: 1,
    Purpose.SUSPENSION: 2,
    Purpose.REFRESH: 4,
    Purpose.MESSAGE: 8,
    Purpose.TOKEN: 16,
}
PURPOSES = {
    mask: tuple(purpose for purpose, bit in _PURPOSE_BITS.items() if mask & bit)
    for mask in range(1 << len(_PURPOSE_BITS))
}
"""Mask → purposes, revocation first."""


def purpose_mask(purposes: Sequence[Purpose]) -> int:
    """Return *purposes* as a sum of bits."""
    return sum(_PURPOSE_BITS[purpose] for purpose in purposes)


def credential_key(credential_id: str) -> bytes:
    """Return the 16 bytes a credential is looked up by; any text has some, also one that no credential may have."""
    return sha256(credential_id.encode(errors="surrogatepass")).digest()[:16]


def credential_keys(credential_ids: Sequence[str]) -> list[bytes]:
    """Return the `credential_key` of each; of thousands, hashing is what a lookup spends most of its time with."""
    try:
        return [sha256(credential_id.encode()).digest()[:16] for credential_id in credential_ids]
    except UnicodeEncodeError:  # half of a surrogate pair
        return [credential_key(credential_id) for credential_id in credential_ids]
