"""The credentials that a run registered, and what answers about them must say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from load_tests.deployment.entries import Entry
from load_tests.deployment.version import Wrong

PURPOSES = {"suspended": "suspension", "revoked": "revocation"}
"""Status → the purpose of the entry that says so."""


@dataclass(slots=True)
class Own:
    """A credential that this run registered, and where its last acknowledged write left it."""

    credential_id: str
    entries: tuple[Entry, ...]
    position: str
    """Of that write, as `<log>:<number>`."""
    status: str = "active"
    is_busy: bool = False
    writes: int = 0
    """Begun so far; what is read while one is under way may be either."""

    def entry(self, purpose: str) -> tuple[str, int] | None:
        """Return list and index of the entry of *purpose*, if there is one."""
        return next(((url, index) for one, url, index in self.entries if one == purpose), None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a lookup that waits for a position must say of a credential: made before it is asked."""

    own: Own
    status: str
    position: str
    writes: int
    is_certain: bool

    @classmethod
    def about(cls, own: Own) -> Asked:
        """Return what is known of *own* now."""
        return cls(own, own.status, own.position, own.writes, not own.is_busy)

    def require(self, said: str) -> None:
        """Raise `Wrong` when *said*, the answer, forgets what was acknowledged; `unknown` is no such credential."""
        name = self.own.credential_id
        if said == "unknown":
            raise Wrong(
                f"The registration of {name} was acknowledged at {self.position} or before, but a lookup that waited "
                "for that position does not know it: an acknowledged write was lost."
            )
        if self.is_certain and self.writes == self.own.writes and said != self.status:
            raise Wrong(
                f"{name} is {self.status} since {self.position}, which was acknowledged, but a lookup that waited "
                f"for that position says {said}: an acknowledged write was lost."
            )


def latest(positions: Iterable[str]) -> str:
    """Return the position, written as `<log>:<number>`, before which the others lie; empty if there are none."""
    return max(positions, key=lambda one: int(one.rpartition(":")[2]), default="")
