"""What the publisher tells of itself: plain numbers per log, for metrics and readiness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(slots=True)
class Progress:
    """How the publishing of one log stands; read by metrics, written by the publisher only."""

    dirty: int = 0
    """Lists that differ from what is published, as of the last tick."""
    valid_until: datetime | None = None
    """When the first published list expires, if none is published any more."""
    published: int = 0
    """Lists published since the start."""
    lost_races: int = 0
    """Publications dropped because another publisher came between."""
    errors: int = 0
    """Passes that failed and are tried again."""
    kept_bits: int = 0
    """Revocations published in the last pass only because the world saw them before a restore."""
    halted: str | None = None
    """Why nothing is published, for a person; None while all is well."""
    refused: dict[UUID, str] = field(default_factory=dict)
    """Lists the guard refuses or that could not be signed, each with its sentence."""
    pending: dict[UUID, datetime] = field(default_factory=dict)
    """Changed lists that are not published yet, and when their change was first seen to be recorded."""

    def oldest_pending_s(self, now: datetime) -> float:
        """Return the age in seconds of the oldest change that is not published; 0 if there is none."""
        return max(((now - since).total_seconds() for since in self.pending.values()), default=0.0)

    def note_pending(self, changed: Iterable[tuple[UUID, datetime]]) -> None:
        """Take over what is pending now; a list that stays pending keeps the time it began with."""
        self.pending = {one: min(at, self.pending.get(one, at)) for one, at in changed}
        self.dirty = len(self.pending)
