"""Moments as documents and tokens write them.

XSD dateTimeStamp (XML Schema 1.1, part 2, section 3.4.28) in JSON-LD; NumericDate (RFC 7519, section 2) in claims.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from registry.errors import Malformed

_STAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_LONGEST: Final = 64
_LATEST_S: Final = 253_402_300_799
"""The last second of the year 9999."""


def date_time_stamp(moment: datetime) -> str:
    """Return the aware *moment* as an XSD dateTimeStamp in UTC with whole seconds: `2025-01-31T12:00:00Z`."""
    if moment.tzinfo is None:
        raise ValueError("A moment without a time zone is no moment.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


def parse_date_time_stamp(text: object) -> datetime:
    """Return the moment, in UTC, that *text* is; raise `Malformed` for what is no dateTimeStamp with a zone."""
    if isinstance(text, str) and len(text) <= _LONGEST and _STAMP.fullmatch(text):
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(text).astimezone(UTC)
    raise Malformed(f"{str(text)[:80]!r} is no date and time with a time zone, such as 2025-01-31T12:00:00Z.")


def parse_numeric_date(value: object) -> datetime:
    """Return the moment, in UTC, that *value* counts the seconds to since 1970; raise `Malformed`.

    What lies beyond the year 9999 is its end.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise Malformed(f"{str(value)[:80]!r} is no moment in seconds since 1970.")
    return datetime.fromtimestamp(min(value, _LATEST_S), UTC)
