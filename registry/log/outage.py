"""PostgreSQL is away: said once when it goes and once when it is back, whoever in the process notices."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from registry.log.connection import reason

SHORTEST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 5.0

_log = logging.getLogger(__name__)


class Outage:
    """Whether PostgreSQL answers, as the parts of one process see it, each under a name; *monotonic* is in seconds.

    It is back when each part that missed it has found it: one that still waits for a broken connection says nothing
    new.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._missing: set[str] = set()
        self._since = 0.0

    def lost(self, who: str, error: BaseException) -> None:
        """Note that *who* got *error* instead of an answer."""
        if not self._missing:
            self._since = self._monotonic()
            why = reason(error.__cause__ or error)
            _log.warning(
                "PostgreSQL does not answer (%s: %s); it is asked until it does, nothing need be done", who, why
            )
        self._missing.add(who)

    def found(self, who: str) -> None:
        """Note that *who* was answered."""
        if who not in self._missing:
            return
        self._missing.remove(who)
        if not self._missing:
            _log.warning("PostgreSQL answers again, after %.1f s", self._monotonic() - self._since)

    @property
    def pause_s(self) -> float:
        """How long to wait before the next attempt: the longer it is away, the longer, up to 5 s."""
        away_s = self._monotonic() - self._since if self._missing else 0.0
        return min(max(away_s / 4, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
