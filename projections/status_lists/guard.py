"""What may never happen to published lists: a fork, a position backwards, a final bit that is taken back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bitstring import Bits

from registry.domain.names import LogName
from registry.errors import ForkedLog


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """How far a log was published: a position, and the log's hash there."""

    position: int
    hash: bytes
    restore_position: int
    """The latest `LogRestored` that was known then; 0 if there was none."""
    time: datetime


@dataclass(frozen=True, slots=True)
class Restore:
    """A `LogRestored` in the log: an operator accepted that what was published goes beyond the log."""

    position: int
    published_position: int
    published_hash: bytes
    restored_position: int


def is_abandoned(head: PublishedHead, restores: Sequence[Restore]) -> bool:
    """Whether an operator accepted that *head* lies on a branch that a restore cut off.

    Either a restore names exactly this head, or the head is older than the latest restore and within what it cut off
    (several places remember a head; the operator's command sees one of them).
    """
    if any((one.published_position, one.published_hash) == (head.position, head.hash) for one in restores):
        return True
    latest = max(restores, key=lambda one: one.position, default=None)
    return (
        latest is not None
        and head.restore_position < latest.position
        and latest.restored_position < head.position < latest.published_position
    )


def must_follow(log: LogName, head: PublishedHead | None, hash_there: bytes | None, restores: Sequence[Restore]) -> int:
    """Return the position that the next publication may not go behind (0: none).

    *hash_there* is the log's hash at the head's position, None where the log is shorter. Raises `ForkedLog` when the
    log is not a continuation of what was published, and nobody accepted that.
    """
    if head is None or head.position == 0:
        return 0
    if hash_there == head.hash:
        return head.position
    if is_abandoned(head, restores):
        return 0
    found = "is shorter" if hash_there is None else "has another history"
    raise ForkedLog(
        f"The log {log} was published up to position {head.position}, but now it {found}: it was restored to an "
        f"earlier point. Nothing of it is published until `registry accept-restore` records that this is known."
    )


def lost_bits(published: bytes, now: bytes) -> bytes:
    """Return the bits, final ones, that are set in *published* and clear in *now*; empty if there are none."""
    if published == now:
        return b""
    width = max(len(published), len(now))
    lost = _array(published, width) & ~_array(now, width)
    return lost.tobytes() if lost.any(True) else b""


def united(one: bytes, other: bytes) -> bytes:
    """Return the bits that are set in either list."""
    width = max(len(one), len(other))
    return (_array(one, width) | _array(other, width)).tobytes()


def _array(bits: bytes, width: int) -> Bits:
    return Bits.from_bytes(bits.ljust(width, b"\x00"))
