"""JSON as everybody reads it the same: what is doubtful between implementations is refused, not guessed.

Refused: duplicate keys (RFC 8259, section 4, leaves open which one counts), NaN and infinities however they are
written, whole numbers beyond ±(2^53 - 1) (RFC 7493, section 2.2), lone surrogates, U+0000 (PostgreSQL cannot keep
it), nesting deeper than 64, and more than 200,000 members and elements: parsing holds the interpreter, and a
mebibyte of them would hold everybody up for a second.

orjson is several times as fast as the standard library, but keeps the last of two equal keys and reads 2^64 as a float.
What it reads and writes back byte for byte has lost nothing, though: so compact bodies, as browsers and most libraries
send them, take that way (a duplicate key, a number that changes or an escape would not come back as it was). All others
go through the standard library's scanner, which sees every pair before a key can vanish. Both give the same values.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn

import orjson

from registry.errors import Malformed

MAX_DEPTH = 64
"""Objects and arrays inside each other."""

MAX_MEMBERS = 200_000
"""Members, elements, objects and arrays together: at most some 40 ms of parsing."""

MAX_WHOLE_NUMBER = 2**53 - 1
"""The largest whole number that every implementation keeps exact."""

_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b'"[]{}\\')
_STEPS = bytes({ord("["): 1, ord("{"): 1, ord("]"): 255, ord("}"): 255}.get(byte, 0) for byte in range(256))
"""One level up or down, as signed bytes."""
_OBJECT_AS_VALUE = re.compile(rb":[ \t\r\n]*\{")
_STRING = re.compile(rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # also an unterminated one: never looked at twice


def loads(data: bytes, what: str = "The body", *, refuses_depth: bool = False) -> Any:
    """Return the value that *data* (UTF-8, RFC 8259) stands for; raise `Malformed`, naming *what* it is.

    *refuses_depth*: the caller looks at every member and takes no deep one, so that levels need not be counted.
    """
    if not data.strip():
        raise Malformed(f"{what} is empty, and so not JSON.")
    require_few_members(data, MAX_MEMBERS)
    value = _round_trip(data)
    if value is not _UNSURE and (refuses_depth or not _is_compact_too_deep(data)):
        return value
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8: byte {error.start} does not belong there.") from None
    if _is_too_deep(data):
        raise Malformed(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(f"{what} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    if "\\u" in text:  # unescaped, UTF-8 has no surrogates and JSON no control characters
        _require_storable(value)
    return value


def require_few_members(data: bytes, most: int) -> None:
    """Raise `Malformed` when *data* has more than *most* members, elements, objects and arrays, told by its marks.

    Marks inside strings count as well, so *most* leaves room for them.
    """
    if len(data) > most and sum(data.count(mark) for mark in b"{[,:") > most:
        raise Malformed(f"The JSON has more than {most:,} members and elements.")


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """Return the object that *data* stands for; raise `Malformed`, naming *what* it is, for any other value."""
    value = loads(data, what)
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no JSON object.")
    return value


_UNSURE = object()


def _round_trip(data: bytes) -> Any:
    """Return what *data* stands for if it is compact and, but for its depth, beyond doubt; else `_UNSURE`."""
    if b"\\u" in data:
        return _UNSURE
    try:
        value = orjson.loads(data)
        is_same = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) == data
    except (
        orjson.JSONDecodeError,
        orjson.JSONEncodeError,
    ):  # the latter: a whole number beyond 2^53 - 1, or 254 levels
        return _UNSURE
    return value if is_same else _UNSURE


def _is_compact_too_deep(data: bytes) -> bool:
    # As below, and nothing stands between a colon and the object that is its value.
    return 1 + 2 * data.count(b"[") + data.count(b":{") > MAX_DEPTH and _is_too_deep(data)


def _is_too_deep(data: bytes) -> bool:
    # Whoever is nested is the root, an array, an array's element, or a member's value: an upper bound that is cheap.
    if 1 + 2 * data.count(b"[") + len(_OBJECT_AS_VALUE.findall(data)) <= MAX_DEPTH:
        return False
    brackets = data.translate(None, _NOT_BRACKETS)
    if b"\\" in brackets:
        brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    brackets = brackets.replace(b'""', b"")  # keeps, for every bracket, whether an odd number of quotes precedes it
    if b'"' in brackets:
        brackets = _STRING.sub(b"", brackets)
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b")), default=0) > MAX_DEPTH


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise Malformed(f"The key {json.dumps(twice[:80])} stands twice in one object.")
    return members


def _whole(text: str) -> int:
    if len(text) > 17 or abs(value := int(text)) > MAX_WHOLE_NUMBER:
        raise Malformed("A whole number is beyond 2^53 - 1, where implementations differ; write it as a string.")
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed("A number is too large for a double (RFC 8259, section 6).")
    return value


def _constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON; leave the member out, or say null.")


def _require_storable(value: Any) -> None:
    for text in _strings(value):
        if "\0" in text:
            raise Malformed("A string contains U+0000, which cannot be stored.")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise Malformed("A string contains half of a surrogate pair, which is no character.")


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case list() as items:
                waiting.extend(items)
            case dict() as members:
                yield from members
                waiting.extend(members.values())


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant, strict=True
)
