"""Bounded inflation of what strangers compressed: gzip, zlib, or nothing."""

from __future__ import annotations

import zlib
from typing import Final

from registry.errors import Malformed

_WRAPPERS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's `wbits`: with a header and a trailer, both checked. "deflate" is zlib's format (RFC 9110, section 8.4.1.2)."""


def inflated(compressed: bytes, coding: str, *, max_bytes: int) -> bytes:
    """Return what *compressed* holds, by its content *coding*: `gzip`, `deflate` or `identity` (RFC 9110, 8.4.1).

    Raises `Malformed` for another coding, for what is not exactly one intact member of it (gzip allows several: a way
    to hide one bomb behind another), and for more than *max_bytes* bytes, of which no more than one beyond the limit
    is ever inflated. Takes some 10 ms for 4 MiB, most of it without holding the interpreter.
    """
    if coding == "identity":
        if len(compressed) > max_bytes:
            raise Malformed(f"It is longer than {max_bytes} bytes.")
        return compressed
    if coding not in _WRAPPERS:
        raise Malformed(f"It is compressed as {coding[:40]!r}, not as gzip or deflate.")
    inflate = zlib.decompressobj(wbits=_WRAPPERS[coding])
    try:
        content = inflate.decompress(compressed, max_bytes + 1)
    except zlib.error as error:
        raise Malformed(f"It is not {coding}.") from error
    if len(content) > max_bytes:
        raise Malformed(f"It inflates to more than {max_bytes} bytes.")
    if not inflate.eof:
        raise Malformed("Its compressed form is cut short.")
    if inflate.unused_data:
        raise Malformed(f"There is something behind its {coding} member.")
    return content
