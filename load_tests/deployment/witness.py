"""What a deployment has said so far, and whether what it says now can be true beside it. Pure.

Whoever finds that it cannot raises `Wrong` with a sentence for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from load_tests.deployment.entries import Entries
from load_tests.deployment.version import FINAL, Version, Wrong
from projections.status_lists.representation import EMBEDDED


@dataclass(slots=True)
class _Newest:
    version: Version
    first_read: float


class Witness:
    """Remembers lists, positions of the log and acknowledged writes; times are seconds of one clock.

    *visible_s*: after which an acknowledged change must be in its list. *settle_s*: how long several processes or
    caches may take to agree; for so long after a newer version was read, the one before it is no lie.
    """

    def __init__(self, *, visible_s: float, settle_s: float) -> None:
        self.entries = Entries(visible_s=visible_s)
        self._settle_s = settle_s
        self._newest: dict[tuple[str, str], _Newest] = {}
        """By list and form: moments are not the same in each form."""
        self._positions: dict[str, tuple[int, float]] = {}
        self.versions = 0

    def newest(self, url: str) -> Version | None:
        """Return the newest version read of a list in its usual form."""
        known = self._newest.get((url, EMBEDDED))
        return None if known is None else known.version

    def read(self, version: Version, asked: float, now: float) -> None:
        """Take in what a list said to a request sent at *asked* and answered *now*; raise `Wrong`."""
        self._in_order(version, asked, now)
        self.entries.read(version, asked, now)

    def unchanged(self, url: str, etag: str, asked: float, now: float) -> None:
        """Take in a 304: the list still is the version with *etag*."""
        newest = self.newest(url)
        if newest is not None and newest.etag == etag:
            self.read(newest, asked, now)

    def _in_order(self, version: Version, asked: float, now: float) -> None:
        known = self._newest.get((version.url, version.form))
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
            known.version = version if version.etag else known.version  # nginx has entity tags of its own
        elif version.purpose not in FINAL or not _lost(known.version, version):
            self._take(version, now)
        elif _lost(version, known.version) or asked > known.first_read + self._settle_s:
            _require_superset(known.version, version)

    def _take(self, version: Version, now: float) -> None:
        self.versions += 1
        self._newest[version.url, version.form] = _Newest(version, now)

    def position(self, of: str, position: int, asked: float, now: float) -> None:
        """Take in up to which position of the log an answer about *of* is complete; it never goes back."""
        known, first_read = self._positions.get(of, (0, now))
        if position < known and asked > first_read + self._settle_s:
            raise Wrong(f"What is said of {of} went back: from position {known} of the log to {position}.")
        if position > known:
            self._positions[of] = position, now


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
