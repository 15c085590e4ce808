"""What is kept of a chunk of a batch, read again: the outcome of each row, and how far the batch has come."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from registry.domain.commands import Refusal, RowCounts

ACCEPTED, UNCHANGED, REJECTED = range(3)
"""Codes of kept answers: what they mean never changes."""
WORDS: Final = ("accepted", "unchanged", "rejected")

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row."""

    row: int
    credential_id: str | None
    word: str
    position: int = 0
    """Where the log says so; 0: nowhere."""
    told: Answer = field(default_factory=dict)
    """What the single command answers besides: status entries, or a status."""
    refusal: Refusal | None = None


def outcomes(kept: Answer, codes: Collection[int] = (ACCEPTED, UNCHANGED, REJECTED)) -> Iterator[RowOutcome]:
    """Return the outcome of each row of a chunk that came to one of *codes*, in order."""
    shapes = kept["shapes"]
    for number, (identifier, code, *rest) in enumerate(kept["rows"], kept["first"]):
        if code not in codes:
            continue
        if code == REJECTED:
            yield RowOutcome(number, identifier, WORDS[code], refusal=Refusal(*rest))
        elif len(rest) == 3:
            position, shape, index = rest
            yield RowOutcome(number, identifier, WORDS[code], position, at_index(shapes[shape], index))
        else:
            position, *status = rest
            told = {"status": status[0]} if status else {}
            yield RowOutcome(number, identifier, WORDS[code], position, told)


def at_index(shape: Answer, index: int) -> Answer:
    """Return what a registration answers, for another index of the same lists."""
    status = shape["credentialStatus"]
    entries = [_moved(one, index) for one in status] if isinstance(status, list) else _moved(status, index)
    moved = {**shape, "credentialStatus": entries}
    if "status" in shape:
        moved["status"] = {"status_list": {**shape["status"]["status_list"], "idx": index}}
    return moved


def _moved(entry: Answer, index: int) -> Answer:
    return {**entry, "id": f"{entry['statusListCredential']}#{index}", "statusListIndex": str(index)}


def counts_json(counts: RowCounts) -> list[int]:
    """Return *counts* as they are kept."""
    return [counts.accepted, counts.unchanged, counts.rejected]


def counts_of(kept: Answer) -> RowCounts:
    """Return how many rows of the chunk came to what."""
    return RowCounts(*kept["counts"])


def known_of(kept: Answer) -> tuple[RowCounts, int]:
    """Return what was known when the chunk was sent: the counts of how many chunks before it."""
    return RowCounts(*kept["known"]), kept["knownChunks"]


def moment_of(kept: Answer) -> datetime:
    """Return when the chunk was sent."""
    return datetime.fromisoformat(kept["at"])
