"""How long a batch goes on trying when the connection is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 15.0


class Patience:
    """So many seconds, counted from when the connection was lost: a year's batch takes longer than that.

    They begin anew whenever an attempt came further than all before it. One that comes as far again and again does not
    prolong them: a registry that takes the file and then fails would be asked for ever.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: float | None = None
        self._pause_s = FIRST_PAUSE_S
        self._moved = self._furthest = 0

    @property
    def is_tried(self) -> bool:
        """Whether an attempt failed before."""
        return self._until is not None

    def begin(self) -> None:
        """An attempt begins."""
        self._moved = 0

    def moved(self, size: int) -> None:
        """So many more bytes came or went in this attempt."""
        self._moved += size

    def pause_s(self) -> float | None:
        """The attempt failed: return how long to wait for the next one, or None when patience ran out."""
        if self._until is None or self._moved > self._furthest:
            self._until, self._pause_s = self._clock() + self._seconds, FIRST_PAUSE_S
        self._furthest = max(self._furthest, self._moved)
        pause_s = self._pause_s
        if self._clock() + pause_s > self._until:
            return None
        self._pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return pause_s
