"""What a deployment has said so far, and whether what it says now can be true beside it. Pure.

Whoever finds that it cannot raises `Wrong` with a sentence for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

FINAL = frozenset({"revocation", "refresh"})
"""Purposes whose bits are never taken back."""


class Wrong(Exception):
    """The deployment said something that cannot be right; the sentence says what."""


@dataclass(frozen=True, slots=True)
class Version:
    """A list as it was read, its signature checked."""

    url: str
    purpose: str
    valid_from: datetime
    bits: bytes
    """Index 0 is the most significant bit of the first byte; entries of one bit."""
    etag: str

    def bit(self, index: int) -> int:
        """Return the entry at *index*; 0 beyond the end."""
        return self.bits[index >> 3] >> (7 - (index & 7)) & 1 if index >> 3 < len(self.bits) else 0


@dataclass(slots=True)
class _Newest:
    version: Version
    first_read: float


@dataclass(frozen=True, slots=True)
class _Awaited:
    credential_id: str
    acknowledged: float


class Witness:
    """Remembers lists, allocations and acknowledged revocations; times are seconds of one clock.

    *visible_s*: after which an acknowledged revocation must be in its list. *settle_s*: how long several processes or
    caches may take to agree; for so long after a newer version was read, the one before it is no lie.
    """

    def __init__(self, *, visible_s: float, settle_s: float) -> None:
        self.visible_s = visible_s
        self._settle_s = settle_s
        self._newest: dict[str, _Newest] = {}
        self._positions: dict[str, tuple[int, float]] = {}
        self._allocated: dict[tuple[str, int], str] = {}
        self._awaited: dict[str, dict[int, _Awaited]] = {}
        self.visible_after_s: list[float] = []
        """How long each acknowledged revocation took until it was read in its list."""
        self.versions = 0

    def newest(self, url: str) -> Version | None:
        """Return the newest version read of a list."""
        return self._newest[url].version if url in self._newest else None

    def read(self, version: Version, asked: float, now: float) -> None:
        """Take in what a list said to a request sent at *asked* and answered *now*."""
        self._in_order(version, asked, now)
        for index, awaited in list(self._awaited.get(version.url, {}).items()):
            if version.bit(index):
                del self._awaited[version.url][index]
                self.visible_after_s.append(max(0.0, now - awaited.acknowledged))
            elif asked > awaited.acknowledged + self.visible_s:
                raise Wrong(
                    f"The revocation of {awaited.credential_id} was acknowledged {asked - awaited.acknowledged:.1f} s "
                    f"ago, but index {index} of {version.url} is not set: an acknowledged write was lost."
                )

    def unchanged(self, url: str, etag: str, asked: float, now: float) -> None:
        """Take in a 304: the list still is the version with *etag*."""
        newest = self._newest[url].version
        if newest.etag == etag:
            self.read(newest, asked, now)

    def _in_order(self, version: Version, asked: float, now: float) -> None:
        known = self._newest.get(version.url)
        if known is None:
            self._take(version, now)
        elif version.valid_from > known.version.valid_from:
            _require_superset(known.version, version)
            self._take(version, now)
        elif version.valid_from == known.version.valid_from:
            self._of_one_second(known, version, asked, now)
        elif asked > known.first_read + self._settle_s:
            raise Wrong(
                f"The list {version.url} went back: after the version valid from {known.version.valid_from} was read, "
                f"the one valid from {version.valid_from} was served."
            )
        else:
            _require_superset(version, known.version)

    def _of_one_second(self, known: _Newest, version: Version, asked: float, now: float) -> None:
        """Take in a version that says the same second as *known*: where bits are final, the one with more is later."""
        if version.bits == known.version.bits:
            known.version = version  # the same, perhaps under another entity tag: nginx has its own
        elif version.purpose not in FINAL or not _lost(known.version, version):
            self._take(version, now)
        elif _lost(version, known.version) or asked > known.first_read + self._settle_s:
            _require_superset(known.version, version)

    def _take(self, version: Version, now: float) -> None:
        self.versions += 1
        self._newest[version.url] = _Newest(version, now)

    def position(self, of: str, position: int, asked: float, now: float) -> None:
        """Take in up to which position of the log an answer about *of* is complete; it never goes back."""
        known, first_read = self._positions.get(of, (0, now))
        if position < known and asked > first_read + self._settle_s:
            raise Wrong(f"What is said of {of} went back: from position {known} of the log to {position}.")
        if position > known:
            self._positions[of] = position, now

    def allocated(self, credential_id: str, entries: Sequence[tuple[str, int]]) -> None:
        """Take in which entries, (list, index), a new credential was given: none belongs to another one."""
        for url, index in entries:
            owner = self._allocated.setdefault((url, index), credential_id)
            if owner != credential_id:
                raise Wrong(f"Index {index} of {url} was given twice: to {owner} and to {credential_id}.")

    def revoked(self, credential_id: str, url: str, index: int, acknowledged: float) -> None:
        """Take in that the revocation of a credential was acknowledged."""
        self._awaited.setdefault(url, {})[index] = _Awaited(credential_id, acknowledged)

    def awaited(self) -> list[str]:
        """Return the lists in which an acknowledged revocation has not been read yet."""
        return [url for url, entries in self._awaited.items() if entries]

    def awaited_until(self) -> float:
        """Return when the last of them must have been; 0 if there are none."""
        every = (one for few in self._awaited.values() for one in few.values())
        return max((one.acknowledged + self.visible_s for one in every), default=0.0)


def _lost(before: Version, after: Version) -> int:
    """Return the bits that are set in *before* and not in *after*, as one number."""
    width = max(len(before.bits), len(after.bits))
    return int.from_bytes(before.bits.ljust(width, b"\0")) & ~int.from_bytes(after.bits.ljust(width, b"\0"))


def _require_superset(before: Version, after: Version) -> None:
    """Raise `Wrong` when a final bit of *before* is not in *after*."""
    if before.purpose in FINAL and (lost := _lost(before, after)):
        index = max(len(before.bits), len(after.bits)) * 8 - lost.bit_length()
        raise Wrong(
            f"The {before.purpose} at index {index} of {before.url} was taken back: it was set in the version valid "
            f"from {before.valid_from}, and is not in the one valid from {after.valid_from}."
        )


def require_agreement(entry: Mapping[str, object], before: Version, after: Version) -> None:
    """Raise `Wrong` unless an answer about (list, index) says what its list says, before or after it was asked."""
    index, said = int(str(entry["statusListIndex"])), entry.get("value")
    if said not in (before.bit(index), after.bit(index)):
        raise Wrong(
            f"A lookup says of index {index} of {before.url} that its value is {said}, the signed list says "
            f"{after.bit(index)}."
        )
