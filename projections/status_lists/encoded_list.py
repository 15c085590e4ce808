"""The `encodedList` codec: bits ⇄ GZIP ⇄ multibase base64url (W3C Bitstring Status List 1.0, sections 3.2 to 3.4).

Index 0 is the most significant bit of the first byte. Equal bits give equal text (the GZIP header has no time in it),
yet other implementations compress otherwise: compare lists after `decode`, never as text.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Collection, Sequence

from bitstring import BitArray, Bits
from isal import igzip, isal_zlib

from registry.errors import Malformed

MAX_INFLATED_BYTES = 16 * 1024 * 1024
"""The largest list that `decode` inflates unless told otherwise: 134 million entries of one bit."""

_LEVEL = 1  # twenty times cheaper than zlib's best, a quarter larger; lists are compressed on every tick
_GZIP_WRAPPER = 31  # zlib's name for "expect a GZIP header and trailer, and check them"
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


def entry(inflated: bytes, index: int, width: int) -> int:
    """Return the entry of *width* bits at *index*; raise `IndexError` when the list is shorter."""
    first, last = index * width, (index + 1) * width
    if not 0 <= first < last <= len(inflated) * 8:
        raise IndexError(f"A status list of {len(inflated) * 8 // width} entries has no index {index}.")
    window = int.from_bytes(inflated[first >> 3 : (last + 7) >> 3])
    return window >> (-last & 7) & ((1 << width) - 1)


def indices(inflated: bytes) -> tuple[int, ...]:
    """Return which entries of a list of single bits are set, in order."""
    return tuple(Bits(inflated).findall("0b1"))


def bit(inflated: bytes, index: int) -> int:
    """Return the entry at *index*, 0 or 1; raise `IndexError` when the list is shorter."""
    if not 0 <= index < len(inflated) * 8:
        raise IndexError(f"A status list of {len(inflated) * 8} entries has no index {index}.")
    return inflated[index >> 3] >> (7 - (index & 7)) & 1


def gzipped(content: bytes) -> bytes:
    """Return *content* as one GZIP member (RFC 1952) without a time in it: equal content gives equal bytes."""
    return bytes(igzip.compress(content, _LEVEL, mtime=0))


def encode(inflated: bytes) -> str:
    """Return the `encodedList` of a list that `bits` made."""
    return _MULTIBASE_BASE64URL + base64.urlsafe_b64encode(gzipped(inflated)).rstrip(b"=").decode("ascii")


def decode(encoded: str, *, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """Return the bits behind an `encodedList`; the inverse of `encode`, whoever compressed it.

    Raises `Malformed` for another multibase, padding or foreign characters, for what is not exactly one intact GZIP
    member, and for more than *max_bytes* bytes, of which no more than one beyond the limit is ever inflated.
    """
    compressed = _base64url(encoded)
    inflate = isal_zlib.decompressobj(wbits=_GZIP_WRAPPER)
    try:
        inflated = bytes(inflate.decompress(compressed, max_length=max_bytes + 1))
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub declares an instance, not the class
        raise Malformed("The encodedList is not GZIP.") from error
    if len(inflated) > max_bytes:
        raise Malformed(f"The encodedList inflates to more than {max_bytes} bytes.")
    if not inflate.eof:
        raise Malformed("The encodedList is cut short.")
    if inflate.unused_data:
        raise Malformed("The encodedList has something behind its GZIP member.")
    return inflated


def _base64url(encoded: str) -> bytes:
    """Decode multibase base64url without padding, strictly (RFC 4648, sections 3.3 and 5)."""
    text = encoded[1:]
    if encoded[:1] != _MULTIBASE_BASE64URL:
        raise Malformed("An encodedList begins with the multibase prefix u (base64url without padding).")
    if any(foreign in text for foreign in "+/="):  # b64decode itself refuses the rest, not these
        raise Malformed("The encodedList is not base64url without padding.")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:  # also for what is not ASCII
        raise Malformed("The encodedList is not base64url without padding.") from error
