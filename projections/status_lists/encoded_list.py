"""The `encodedList` codec: bits ⇄ GZIP ⇄ multibase base64url (W3C Bitstring Status List 1.0, sections 3.2 to 3.4).

Index 0 is the most significant bit of the first byte. The GZIP header has no time in it. Settled lists are compressed
otherwise than those that just changed, and other implementations differ again: compare lists after `decode`, never as
text.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence

from bitstring import BitArray, Bits
from isal import igzip
from zlib_ng import zlib_ng

from registry.errors import Malformed
from registry.inflating import inflated
from registry.securing import base64url

MAX_INFLATED_BYTES = 16 * 1024 * 1024
"""The largest list that `decode` inflates unless told otherwise: 134 million entries of one bit."""

_LEVEL = 1  # twenty times cheaper than zlib's best, a quarter larger; lists are compressed on every tick
_SETTLED_LEVEL = 6  # of zlib-ng: a quarter smaller again, for 0.1 ms more; beyond it ten times the time for a tenth
_GZIP = 16 + 15  # zlib's word for: a GZIP header, without a time, and the largest window
_MULTIBASE_BASE64URL = "u"


def bits(indices: Collection[int], size: int) -> bytes:
    """Return a list of *size* one-bit entries with *indices* set, as bytes; raise `IndexError` for one outside it."""
    entries = BitArray.from_zeros(size)
    try:
        entries.set(True, array("I", indices))  # unsigned, because a negative index would count from the end
    except (IndexError, OverflowError) as error:
        raise IndexError(f"A status list of {size} entries has no index below 0 or above {size - 1}.") from error
    return entries.tobytes()


def entries(indices: Sequence[int], values: Sequence[int] | None, size: int, width: int) -> bytes:
    """Return a list of *size* entries of *width* bits with *values* at *indices* (None: 1 at each), as bytes.

    The first bit of an entry is its most significant (section 3.1, `statusSize`). Raises `IndexError` as `bits`, and
    `ValueError` for a value that does not fit.
    """
    if values is None and width == 1:
        return bits(indices, size)
    values = [1] * len(indices) if values is None else values
    if not 0 <= min(values, default=0) <= max(values, default=0) < 1 << width:
        raise ValueError(f"An entry of {width} bits has no value below 0 or above {(1 << width) - 1}.")
    if not 0 <= min(indices, default=0) <= max(indices, default=0) < size:
        raise IndexError(f"A status list of {size} entries has no index below 0 or above {size - 1}.")
    places = [
        index * width + place
        for index, value in zip(indices, values, strict=True)
        for place in range(width)
        if value >> (width - 1 - place) & 1
    ]
    return bits(places, size * width)


def entry(packed: bytes, index: int, width: int) -> int:
    """Return the entry of *width* bits at *index*; raise `IndexError` when the list is shorter."""
    first, last = index * width, (index + 1) * width
    if not 0 <= first < last <= len(packed) * 8:
        raise IndexError(f"A status list of {len(packed) * 8 // width} entries has no index {index}.")
    window = int.from_bytes(packed[first >> 3 : (last + 7) >> 3])
    return window >> (-last & 7) & ((1 << width) - 1)


def indices(packed: bytes) -> tuple[int, ...]:
    """Return which entries of a list of single bits are set, in order."""
    return tuple(Bits(packed).findall("0b1"))


def bit(packed: bytes, index: int) -> int:
    """Return the entry at *index*, 0 or 1; raise `IndexError` when the list is shorter."""
    if not 0 <= index < len(packed) * 8:
        raise IndexError(f"A status list of {len(packed) * 8} entries has no index {index}.")
    return packed[index >> 3] >> (7 - (index & 7)) & 1


def gzipped(content: bytes) -> bytes:
    """Return *content* as one GZIP member (RFC 1952) without a time in it: equal content gives equal bytes."""
    return bytes(igzip.compress(content, _LEVEL, mtime=0))


def encode(packed: bytes, *, is_settled: bool = False) -> str:
    """Return the `encodedList` of a list that `bits` made; smaller, and at more cost, where the list *is_settled*."""
    compressed = zlib_ng.compress(packed, _SETTLED_LEVEL, wbits=_GZIP) if is_settled else gzipped(packed)
    return _MULTIBASE_BASE64URL + base64url.encode(compressed)


def decode(encoded: str, *, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """Return the bits behind an `encodedList`; the inverse of `encode`, whoever compressed it.

    Raises `Malformed` for another multibase, padding or foreign characters, for what is not exactly one intact GZIP
    member, and for more than *max_bytes* bytes, of which no more than one beyond the limit is ever inflated.
    """
    if encoded[:1] != _MULTIBASE_BASE64URL:
        raise Malformed("An encodedList begins with the multibase prefix u (base64url without padding).")
    return inflated(base64url.decode(encoded[1:], "The encodedList"), "gzip", max_bytes=max_bytes)
