"""How long a list of the document is, without reading its bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.errors import Malformed
from registry.inflating import inflated
from registry.securing import base64url

MAX_INFLATED_BYTES: Final = 4 * 1024 * 1024


def bits_of(encoded: Any) -> bytes:
    """Return the bits behind an `encodedList` with its prefix u; raise `Malformed` with what is wrong with it."""
    if not isinstance(encoded, str) or encoded[:1] != "u":
        raise Malformed("It does not begin with the multibase prefix u.")
    return inflated(base64url.decode(encoded[1:], "It"), "gzip", max_bytes=MAX_INFLATED_BYTES)


def bit_count(status_list: Mapping[str, Any]) -> int | None:
    """Return how many bits a status list credential has; None when that cannot be read."""
    subject = status_list.get("credentialSubject")
    try:
        return len(bits_of(subject.get("encodedList"))) * 8 if isinstance(subject, Mapping) else None
    except Malformed:
        return None
