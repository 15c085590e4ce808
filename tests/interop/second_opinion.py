"""A checker of our own that shares no code with the registry: the standard library and the Recommendation.

W3C Bitstring Status List 1.0: section 2.2 (encodedList), section 3.2 (validation), section 3.4 (expansion).
"""

from __future__ import annotations

import base64
import gzip
import json
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MINIMUM_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class StatusList:
    """A list as it was fetched, and its bits."""

    document: dict[str, Any]
    bits: bytes

    def bit(self, index: int) -> bool:
        """Return the bit at *index*; the first index is the left-most bit."""
        octet, place = divmod(index, 8)
        return bool(self.bits[octet] & (0b1000_0000 >> place))

    def set_indices(self) -> set[int]:
        """Return the indices of all bits that are set."""
        return {
            8 * octet + place
            for octet, value in enumerate(self.bits)
            for place in range(8)
            if value & (0b1000_0000 >> place)
        }


def fetched(url: str) -> StatusList:
    """Return the list published at *url*, whose form and validity were checked; its proof is for others."""
    request = urllib.request.Request(url, headers={"Accept": "application/vc", "Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as response:
        body = response.read()
        if response.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
    return read(json.loads(body), url)


def read(document: dict[str, Any], url: str) -> StatusList:
    """Return the list in *document*."""
    subject = document["credentialSubject"]
    assert document["id"] == url
    assert "BitstringStatusListCredential" in document["type"]
    assert subject["type"] == "BitstringStatusList"
    now = datetime.now(UTC)
    assert datetime.fromisoformat(document["validFrom"]) <= now < datetime.fromisoformat(document["validUntil"])
    bits = expanded(subject["encodedList"])
    assert len(bits) >= MINIMUM_BYTES
    return StatusList(document, bits)


def expanded(encoded_list: str) -> bytes:
    """Return the bits in *encoded_list*: multibase base64url without padding of GZIP."""
    assert encoded_list[0] == "u"
    text = encoded_list[1:]
    return gzip.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def compressed(bits: bytes) -> str:
    """Return *bits* as an encodedList."""
    return "u" + base64.urlsafe_b64encode(gzip.compress(bits)).decode().rstrip("=")


def statuses(credential: dict[str, Any]) -> dict[str, bool]:
    """Return purpose → bit for every Bitstring Status List entry of *credential*."""
    return {entry["statusPurpose"]: status(entry) for entry in entries(credential)}


def status(entry: dict[str, Any]) -> bool:
    """Return the published bit that *entry* names."""
    found = fetched(entry["statusListCredential"])
    assert found.document["credentialSubject"]["statusPurpose"] == entry["statusPurpose"]
    return found.bit(int(entry["statusListIndex"]))


def entries(credential: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the Bitstring Status List entries of *credential*, in its order."""
    found = credential["credentialStatus"]
    return [one for one in (found if isinstance(found, list) else [found]) if one["type"] == "BitstringStatusListEntry"]
