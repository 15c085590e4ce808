"""A bound on how much JSON there is in so many bytes, counted before anything is parsed.

Parsing holds the interpreter: 4 MiB of one string take a millisecond, 4 MiB of empty objects a hundred.
"""

from __future__ import annotations

from typing import Final

from registry.errors import Malformed

MAX_MARKS: Final = 200_000
"""Members, elements and containers; about 10 ms of parsing."""


def require_few_marks(text: bytes) -> None:
    """Raise `Malformed` when *text* has more than 200,000 members, elements and containers."""
    if sum(text.count(mark) for mark in b"{[,:") > MAX_MARKS:
        raise Malformed(f"The JSON has more than {MAX_MARKS} members and elements.")
