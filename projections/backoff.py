"""When to try a failing projection again: at once when it may be another's fault, then ever later, never not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection

from registry.domain.names import LogName

FIRST_S = 0.5
LONGEST_S = 30.0

Key = tuple[LogName, str]
"""Log and projection."""


class Backoff:
    """What fails at the moment, and until when it is left alone; *monotonic* returns seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failing: dict[Key, tuple[int, float]] = {}

    def is_failing(self, key: Key) -> bool:
        """Whether the last try failed; what fails is tried alone, so that it holds up nothing else."""
        return key in self._failing

    def is_due(self, keys: Collection[Key]) -> bool:
        """Whether none of *keys* is to be left alone now."""
        now = self._monotonic()
        return all(now >= self._failing.get(key, (0, now))[1] for key in keys)

    def failed(self, keys: Collection[Key]) -> None:
        """Note a failure; of several at once it is nobody's yet, and each is due at once, alone."""
        for key in keys:
            times = self._failing.get(key, (0, 0.0))[0] if len(keys) == 1 else 0
            pause = min(LONGEST_S, FIRST_S * 2**times) if len(keys) == 1 else 0.0
            self._failing[key] = (times + (len(keys) == 1), self._monotonic() + pause)

    def worked(self, keys: Collection[Key]) -> None:
        """Note a success."""
        for key in keys:
            self._failing.pop(key, None)
