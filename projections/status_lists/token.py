"""The `status_list` claim codec: values ⇄ packed bits ⇄ ZLIB ⇄ base64url (IETF Token Status List, section 4).

Index 0 is in the least significant bits of the first byte: the mirror image of a W3C list. An entry has 1, 2, 4 or 8
bits, so no entry crosses a byte. Settled lists are compressed otherwise than those that just changed, and other
implementations differ again: compare lists after `decode`, never as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from isal import isal_zlib
from zlib_ng import zlib_ng

from registry.inflating import inflated
from registry.securing import base64url

VALID: Final = 0
INVALID: Final = 1
SUSPENDED: Final = 2
"""Section 7.1."""

WIDTHS: Final = (1, 2, 4, 8)
"""Bits that an entry may have (section 4.1)."""

MAX_INFLATED_BYTES = 16 * 1024 * 1024
"""The largest list that `decode` inflates unless told otherwise."""

_LEVEL, _SETTLED_LEVEL = 1, 6  # as encoded_list


def packed(values: Sequence[int], width: int) -> bytes:
    """Return *values* as entries of *width* bits; raises `ValueError` for a value that does not fit.

    One by one, as section 4.1 words it; `of_bitsets` is what lists are published with.
    """
    _check_width(width)
    entries = bytearray((len(values) * width + 7) // 8)
    for index, value in enumerate(values):
        if not 0 <= value < 1 << width:
            raise ValueError(f"The status {value} does not fit into {width} bits.")
        entries[index * width >> 3] |= value << (index * width & 7)
    return bytes(entries)


def value(entries: bytes, width: int, index: int) -> int:
    """Return the entry at *index*; raises `IndexError` outside the list."""
    _check_width(width)
    if not 0 <= index < len(entries) * 8 // width:
        raise IndexError(f"A status list of {len(entries) * 8 // width} entries has no index {index}.")
    return entries[index * width >> 3] >> (index * width & 7) & ((1 << width) - 1)


def of_bitsets(revoked: bytes, suspended: bytes, width: int) -> bytes:
    """Return the entries that two bitsets of one size mean, each with index 0 as the most significant bit.

    An entry is INVALID where *revoked* is set, else SUSPENDED where *suspended* is; with *width* 1 there is no room
    for the latter.
    """
    _check_width(width)
    size = len(revoked)
    if width == 1:
        return revoked.translate(_SPREAD[1][0])
    both = int.from_bytes(revoked, "big") & int.from_bytes(suspended, "big")
    only_suspended = (int.from_bytes(suspended, "big") ^ both).to_bytes(size, "big")
    entries = bytearray(size * width)
    for place, table in enumerate(_SPREAD[width]):
        invalid = int.from_bytes(revoked.translate(table), "big") * INVALID
        suspension = int.from_bytes(only_suspended.translate(table), "big") * SUSPENDED
        entries[place::width] = (invalid | suspension).to_bytes(size, "big")
    return bytes(entries)


def compressed(entries: bytes, *, is_settled: bool = False) -> bytes:
    """Return *entries* as a ZLIB stream (RFC 1950), as a CWT carries them; smaller, at more cost, if *is_settled*."""
    return zlib_ng.compress(entries, _SETTLED_LEVEL) if is_settled else bytes(isal_zlib.compress(entries, _LEVEL))


def encode(entries: bytes) -> str:
    """Return the `lst` of a JSON claim (section 4.2): base64url of the ZLIB stream, without padding or prefix."""
    return base64url.encode(compressed(entries))


def decode(lst: str, *, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """Return the entries behind a JSON claim's `lst`, whoever compressed them.

    Raises `Malformed` for what is not base64url of exactly one intact ZLIB stream, and for more than *max_bytes*
    bytes, of which no more than one beyond the limit is ever inflated.
    """
    return inflated(base64url.decode(lst, "The lst"), "deflate", max_bytes=max_bytes)


def _check_width(width: int) -> None:
    if width not in WIDTHS:
        raise ValueError(f"An entry has 1, 2, 4 or 8 bits, not {width}.")


def _spread(width: int, place: int) -> bytes:
    """The table from eight bits, first index most significant, to byte *place* of their *width* entries as 0 or 1."""
    per_byte = 8 // width
    firsts = range(place * per_byte, (place + 1) * per_byte)
    return bytes(
        sum((byte >> (7 - index) & 1) << (index - firsts.start) * width for index in firsts) for byte in range(256)
    )


_SPREAD: Final = {width: tuple(_spread(width, place) for place in range(width)) for width in WIDTHS}
