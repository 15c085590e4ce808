"""Opaque cursors of keyset paging: where a page ended, bound to the question it belongs to."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson

from registry.errors import Malformed

_CHECK_BYTES = 8
_REFUSED = "The cursor is not one of ours, or belongs to another question; ask for the first page again."


def encode(question: tuple[str | None, ...], place: str) -> str:
    """Return a cursor that continues *question* after *place*."""
    return urlsafe_b64encode(_check(question, place) + place.encode()).decode().rstrip("=")


def decode(question: tuple[str | None, ...], cursor: str) -> str:
    """Return the place in *cursor*; raise `Malformed` if it was altered or was made for another question.

    The check is no signature: whoever forges one learns nothing that the pages do not show anyway.
    """
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        place = raw[_CHECK_BYTES:].decode()
    except (binascii.Error, ValueError) as error:
        raise Malformed(_REFUSED, parameter="cursor") from error
    if "\x00" in place or encode(question, place) != cursor:
        raise Malformed(_REFUSED, parameter="cursor")
    return place


def decode_position(question: tuple[str | None, ...], cursor: str) -> int:
    """Return the log position in *cursor*; raise `Malformed` as `decode` does, and when it is none."""
    place = decode(question, cursor)
    if not re.fullmatch(r"[0-9]{1,18}", place):
        raise Malformed(_REFUSED, parameter="cursor")
    return int(place)


def _check(question: tuple[str | None, ...], place: str) -> bytes:
    return hashlib.sha256(orjson.dumps([*question, place])).digest()[:_CHECK_BYTES]
