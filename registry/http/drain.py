"""Leaving gracefully: readiness turns 503, then the load balancer looks away, then the process stops."""

from __future__ import annotations


class Drain:
    """Whether the process is about to stop; once begun, there is no way back."""

    __slots__ = ("_has_begun",)

    def __init__(self) -> None:
        self._has_begun = False

    @property
    def has_begun(self) -> bool:
        """Whether no new work should be sent here."""
        return self._has_begun

    def begin(self) -> None:
        """Turn readiness off; requests are still answered."""
        self._has_begun = True
