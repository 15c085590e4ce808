"""A list as it was read, and the error for what cannot be right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from projections.status_lists.representation import EMBEDDED

FINAL: Final = frozenset({"revocation", "refresh"})
"""Purposes whose bits are never taken back."""
ONE_BIT: Final = FINAL | {"suspension"}
"""Purposes whose entries are single bits."""


class Wrong(Exception):
    """The deployment said something that cannot be right; the sentence says what."""


@dataclass(frozen=True, slots=True)
class Version:
    """A list as it was read, its signature checked."""

    url: str
    purpose: str
    valid_from: datetime
    valid_until: datetime
    bits: bytes
    """Index 0 is the most significant bit of the first byte; entries of one bit."""
    etag: str
    """Of the answer to which If-None-Match refers; empty for one that is asked for in another way."""
    form: str = EMBEDDED
    """The media type."""

    @property
    def told(self) -> str:
        """In which form it was read, for a sentence; nothing for the usual one."""
        return "" if self.form == EMBEDDED else f" in its form {self.form}"

    def bit(self, index: int) -> int:
        """Return the entry at *index*; 0 beyond the end."""
        return self.bits[index >> 3] >> (7 - (index & 7)) & 1 if index >> 3 < len(self.bits) else 0
