"""Where batches are kept, and which of them are being received in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from registry.domain.names import IssuerId, LogName
from registry.errors import QueueFull

MOST_RECEIVED: Final = 4
"""Batches that one issuer may send, or have looked at, at a time in one process."""
MOST_TIMES: Final = 2
"""Uploads of one batch at a time: it may be sent again while the server still waits for its first sender."""
BUSY_S: Final = 5
"""When to try again while there are too many."""

_looks = count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch is kept: its issuer's keys and the operator's may both go on with it."""

    log: LogName
    issuer_id: IssuerId
    batch_id: str

    @classmethod
    def of_a_look(cls, log: LogName, issuer_id: IssuerId) -> Place:
        """Return the place of a batch that is only looked at: like no other, and nothing is kept there."""
        return cls(log, issuer_id, f"look {next(_looks)}")

    @property
    def caller(self) -> str:
        """Whose Idempotency-Keys its chunks have: nobody else's."""
        return f"batch/{self.issuer_id}"

    def key(self, number: int) -> str:
        """Return the key of the chunk *number*, from 0."""
        return f"{self.batch_id}/{number:07}"

    @property
    def end(self) -> str:
        """The key of its end."""
        return f"{self.batch_id}/end"


class Receiving:
    """Counts the uploads that are under way."""

    def __init__(self) -> None:
        self._uploads = Counter[Place]()

    def __contains__(self, place: Place) -> bool:
        return place in self._uploads

    @contextmanager
    def of(self, place: Place) -> Iterator[None]:
        """Count one more meanwhile; raise `QueueFull` if its issuer sends too many already."""
        others = [one for one in self._uploads if one.issuer_id == place.issuer_id and one != place]
        if len(others) >= MOST_RECEIVED:
            raise QueueFull(
                f"You are sending {MOST_RECEIVED} batches already; send this one when one of them is over.",
                retry_after_s=BUSY_S,
            )
        if self._uploads[place] >= MOST_TIMES:
            raise QueueFull("This batch is being sent already; ask how far it has come.", retry_after_s=BUSY_S)
        self._uploads[place] += 1
        try:
            yield
        finally:
            self._uploads[place] -= 1
            if not self._uploads[place]:
                del self._uploads[place]
