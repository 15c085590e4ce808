"""JSON Canonicalization Scheme (RFC 8785), for documents of any origin.

orjson with sorted keys writes the canonical form unless a key is outside the Basic Multilingual Plane (RFC 8785 sorts
by UTF-16) or a number is a fraction (it prints ECMAScript's form). rfc8785 does those; it takes fifty times as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import rfc8785

from registry.errors import Malformed

MAX_VALUES: Final = 50_000
"""Values of one document; a full transcript has a few thousand. Canonicalising them takes at most some 0.1 s."""
_LONG: Final = 2_000
"""Values from which on a document is written beside the event loop."""
_SCALARS: Final = frozenset({int, bool, type(None)})


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """Return the canonical form of *document*.

    Raises `Malformed` for more than `MAX_VALUES` values and for what has no canonical form: whole numbers beyond
    2^53 - 1, NaN and infinities, lone surrogates, what is no JSON.
    """
    is_plain, _ = _looked_through(document)
    return _written(document, is_plain)


async def canonical_json_beside(document: Mapping[str, Any]) -> bytes:
    """Return and raise the same; a long document is written in a thread, so that the event loop goes on."""
    is_plain, values = _looked_through(document)
    if values > _LONG:
        return await asyncio.to_thread(_written, document, is_plain)
    return _written(document, is_plain)


def _written(document: Mapping[str, Any], is_plain: bool) -> bytes:
    try:
        if is_plain:
            return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
        return rfc8785.dumps(dict(document))
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed("The document has no canonical JSON form (RFC 8785).") from error


def _looked_through(document: Mapping[str, Any]) -> tuple[bool, int]:
    """Return whether orjson's form of *document* is the canonical one, and how many values there are."""
    is_plain = True
    waiting: list[Any] = [document]
    for value in waiting:  # which grows meanwhile
        kind = type(value)
        if kind is str:  # most of them
            continue
        if kind is dict:
            is_plain = is_plain and _in_order_of_utf16(value)
            waiting.extend(value.values())
        elif kind is list:
            waiting.extend(value)
        elif kind is float:
            is_plain = False
        elif kind not in _SCALARS:
            raise Malformed(f"A value of type {kind.__name__} is no JSON.")
        if len(waiting) > MAX_VALUES:
            raise Malformed(f"The document has more than {MAX_VALUES:,} values.")
    return is_plain, len(waiting)


def _in_order_of_utf16(keys: Iterable[str]) -> bool:
    """Return whether UTF-16 sorts *keys* as their code points do: none is outside the Basic Multilingual Plane."""
    try:
        text = "".join(keys)
    except TypeError as error:
        raise Malformed("A key that is no text is no JSON.") from error
    return text.isascii() or max(text) < "\U00010000"
