"""JSON Canonicalization Scheme (RFC 8785), for documents of any origin.

orjson with sorted keys writes the canonical form unless a key is outside the Basic Multilingual Plane (RFC 8785 sorts
by UTF-16) or a number is a fraction (it prints ECMAScript's form). rfc8785 does those; it takes fifty times as long.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
import rfc8785

from registry.errors import Malformed

MAX_VALUES: Final = 50_000
"""Values of one document; a full transcript has a few thousand. Canonicalising them takes at most some 0.1 s."""


def canonical_json(document: dict[str, Any]) -> bytes:
    """Return the canonical form of *document*.

    Raises `Malformed` for more than `MAX_VALUES` values and for what has no canonical form: whole numbers beyond
    2^53 - 1, NaN and infinities, lone surrogates, what is no JSON.
    """
    try:
        if _is_plain(document):
            return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
        return rfc8785.dumps(document)
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed("The document has no canonical JSON form (RFC 8785).") from error


def _is_plain(document: dict[str, Any]) -> bool:
    """Return whether orjson's form of *document* is the canonical one."""
    is_plain = True
    waiting: list[Any] = [document]
    for number, value in enumerate(waiting):  # which grows meanwhile
        if number >= MAX_VALUES:
            raise Malformed(f"The document has more than {MAX_VALUES:,} values.")
        kind = type(value)
        if kind is dict:
            is_plain = is_plain and max("".join(value), default="") < "\U00010000"
            waiting.extend(value.values())
        elif kind is list:
            waiting.extend(value)
        elif kind is float:
            is_plain = False
        elif kind not in _SCALARS:
            raise Malformed(f"A value of type {kind.__name__} is no JSON.")
    return is_plain


_SCALARS: Final = frozenset({str, int, bool, type(None)})
