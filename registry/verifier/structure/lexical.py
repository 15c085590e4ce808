"""The forms of single values: URL, moment, language tag, media type, digest. Pure."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from registry.domain.names import is_absolute_iri
from registry.errors import Malformed
from registry.securing import base58, base64url

# XML Schema 1.1 part 2, sections 3.3.7 and 3.4.28; years of more than four digits and the end of the day included.
_DATE_TIME: Final = re.compile(
    r"(-?(?:[1-9]\d{3,}|0\d{3}))-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?",
    re.ASCII,
)
_END_OF_DAY: Final = "24"
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
# RFC 5646, section 2.1: well-formed, not necessarily registered
_LANGUAGE: Final = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+|i-[a-z]{2,8}|en-gb-oed|sgn-(?:be-fr|be-nl|ch-de)",
    re.ASCII | re.IGNORECASE,
)
# RFC 6838, section 4.2, and parameters after it
_MEDIA_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
    r'(?: *; *[a-z0-9!#$&^_.+-]+=(?:[a-z0-9!#$&^_.+-]+|"[^"]*"))*',
    re.ASCII | re.IGNORECASE,
)
_SRI_LENGTHS: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
_MULTIHASHES: Final = {b"\x12\x20": "sha256", b"\x13\x40": "sha512", b"\x20\x30": "sha384"}
"""Code and length (both one byte, as varints) → name."""


def is_url(value: Any) -> bool:
    """Whether *value* is an absolute URL."""
    return isinstance(value, str) and is_absolute_iri(value)


def moment(value: Any, *, with_zone: bool = True) -> datetime | None:
    """Return the aware moment (UTC, to the microsecond) that an XSD dateTimeStamp names, or None.

    Not *with_zone*: an XSD dateTime, which without a zone is UTC. What lies outside of the calendar's years 1 to
    9999 is their first or last moment.
    """
    match = _DATE_TIME.fullmatch(value) if isinstance(value, str) and len(value) < 80 else None
    if match is None or (with_zone and match[8] is None):
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    is_end = hour == _END_OF_DAY
    if is_end and (minute, second, (fraction or "").strip(".0")) != ("00", "00", ""):
        return None
    within = year if len(year) == 4 and year != "0000" else "2000" if int(year) % 4 == 0 else "2001"
    text = f"{within}-{month}-{day}T{'00' if is_end else hour}:{minute}:{second}{(fraction or '')[:7]}{zone or 'Z'}"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if within != year:
        return _FIRST if int(year) < 1 else _LAST
    try:
        return (found + timedelta(days=int(is_end))).astimezone(UTC)
    except OverflowError:
        return _FIRST if within == "0001" else _LAST


def is_language(value: Any) -> bool:
    """Whether *value* is a well-formed language tag (BCP 47)."""
    return isinstance(value, str) and len(value) < 100 and _LANGUAGE.fullmatch(value) is not None


def is_media_type(value: Any) -> bool:
    """Whether *value* is a media type (RFC 6838)."""
    return isinstance(value, str) and len(value) < 300 and _MEDIA_TYPE.fullmatch(value) is not None


def sri(value: Any) -> dict[str, bytes]:
    """Return the digests of a `digestSRI` (Subresource Integrity, section 3.5): name → bytes; none for another text."""
    found: dict[str, bytes] = {}
    for expression in value.split() if isinstance(value, str) else ():
        name, _, text = expression.partition("?")[0].partition("-")
        try:
            digest = base64.b64decode(text, validate=True)
        except ValueError:
            return {}
        if len(digest) != _SRI_LENGTHS.get(name):
            return {}
        found[name] = digest
    return found


def multihash(value: Any) -> tuple[str, bytes] | None:
    """Return name and bytes of a `digestMultibase` (Controlled Identifiers 1.0, sections 2.4 and 2.5), or None."""
    if not isinstance(value, str) or not 2 <= len(value) < 200:
        return None
    try:
        if value[0] == "z":
            decoded = base58.decode(value[1:])
        elif value[0] == "u":
            decoded = base64url.decode(value[1:], "The digest")
        else:
            return None
    except Malformed:
        return None
    name = _MULTIHASHES.get(decoded[:2])
    return (name, decoded[2:]) if name is not None and len(decoded) - 2 == decoded[1] else None
