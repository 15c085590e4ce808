"""How fast a runner catches up, said now and then while it is far behind. Pure but for the clock it is given."""

from __future__ import annotations

from collections.abc import Callable

from registry.domain.names import LogName

EVERY_S = 10.0


class Pace:
    """Remembers where each log stood when it was last spoken of; *monotonic* gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._told: dict[LogName, tuple[float, int]] = {}

    def is_due(self, log: LogName, position: int) -> bool:
        """Whether to say again how far *log*, now at *position*, has come; first after it was behind for 10 seconds."""
        since, _ = self._told.setdefault(log, (self._monotonic(), position))
        return self._monotonic() - since >= EVERY_S

    def line(self, log: LogName, position: int, end: int) -> str:
        """Return how far *log* has come on its way to *end*, how fast, and how long it will take at that rate."""
        now = self._monotonic()
        since, before = self._told.get(log, (now, position))
        self._told[log] = (now, position)
        rate = (position - before) / (now - since) if now > since else 0.0
        rest = f", {max(0, end - position) / rate:,.0f} s to go" if rate else ""
        return f"catching up with the log {log}: {position:,} of {end:,} events, {rate:,.0f} a second{rest}"

    def caught_up(self, log: LogName) -> None:
        """Begin anew when it is behind again."""
        self._told.pop(log, None)
