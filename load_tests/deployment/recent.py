"""What was said of one thing lately, in order: caches and processes may take a while to agree, and no longer. Pure."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Said = TypeVar("Said")


class Recent(Generic[Said]):
    """Values in their order with when each was first read, back to the one by which all must have settled.

    The newest alone would not do: where there is a newer one every moment, nothing before it would ever be a lie.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._said: deque[tuple[Said, float]] = deque()

    @property
    def newest(self) -> Said | None:
        """Return the last value; None before the first."""
        return self._said[-1][0] if self._said else None

    def add(self, value: Said, now: float) -> None:
        """Take in a value that is later than all before."""
        self._said.append((value, now))
        while len(self._said) > 1 and self._said[1][1] < now - self._settle_s:
            self._said.popleft()

    def amend(self, value: Said) -> None:
        """Put *value* in the newest one's place, for it is the same under another name."""
        self._said[-1] = value, self._said[-1][1]

    def settled(self, asked: float) -> Said | None:
        """Return the value before which there is none in an answer to what was sent at *asked*; None: anything may be.

        It is the last that was first read more than the time of settling earlier.
        """
        return next((value for value, read in reversed(self._said) if read < asked - self._settle_s), None)
