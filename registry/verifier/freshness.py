"""How long an answer may be kept, by what its sender said (RFC 9111, sections 4.2 and 5.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAX_AGE = re.compile(r'max-age="?(\d{1,10})"?')


def fresh_s(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds from now the answer with *headers* is fresh, 0 for not at all, None for unsaid.

    This cache is nobody else's, so `private` and `s-maxage` do not concern it.
    """
    directives = {one.strip().lower() for one in headers.get("Cache-Control", "").split(",")}
    if {"no-store", "no-cache"} & directives:
        return 0
    ages = [int(match[1]) for one in directives if (match := _MAX_AGE.fullmatch(one))]
    if ages:
        return max(0, min(ages) - _age_s(headers))
    if (expires := headers.get("Expires")) is not None:
        moment, sent = _moment(expires), _moment(headers.get("Date", ""))
        return max(0.0, (moment - sent).total_seconds() - _age_s(headers)) if moment and sent else 0
    return None


def _age_s(headers: Mapping[str, str]) -> int:
    age = headers.get("Age", "0").strip()
    return int(age) if age.isdecimal() and age.isascii() and len(age) < 10 else 0


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
