"""Which of the several processes of one `registry serve` this is, and where they meet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

WRITER: Final = "writer"
"""The part that sequences the logs and has no door."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of them: `writer`, or the number of a worker, from 0 on."""

    name: str
    folder: Path
    """The sockets between the processes; nobody but their user may enter it."""

    @property
    def is_writer(self) -> bool:
        """Whether this one sequences, and the others hand their commands to it."""
        return self.name == WRITER

    @property
    def commands(self) -> Path:
        """The socket at which commands are taken."""
        return self.folder / "commands"

    @property
    def metrics(self) -> Path:
        """The socket at which this part tells its metrics."""
        return self.folder / f"metrics-{self.name}"
