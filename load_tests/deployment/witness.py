"""What a deployment has said so far, and whether what it says now can be true beside it. Pure.

Whoever finds that it cannot raises `Wrong` with a sentence for a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from load_tests.deployment.entries import Entries
from load_tests.deployment.recent import Recent
from load_tests.deployment.version import FINAL, Version, Wrong
from projections.status_lists.representation import EMBEDDED


class Witness:
    """Remembers lists, positions of the log and acknowledged writes; times are seconds of one clock.

    *visible_s*: after which an acknowledged change must be in its list. *settle_s*: how long several processes or
    caches may take to agree; for so long after a newer version was read, those before it are no lie.
    """

    def __init__(self, *, visible_s: float, settle_s: float) -> None:
        self.entries = Entries(visible_s=visible_s)
        self._versions: dict[tuple[str, str], Recent[Version]] = defaultdict(lambda: Recent(settle_s))
        """By list and form: moments are not the same in each form."""
        self._positions: dict[str, Recent[int]] = defaultdict(lambda: Recent(settle_s))
        self.versions = 0

    def newest(self, url: str) -> Version | None:
        """Return the newest version read of a list in its usual form."""
        return self._versions[url, EMBEDDED].newest

    def read(self, version: Version, asked: float, now: float) -> None:
        """Take in what a list said to a request sent at *asked* and answered *now*; raise `Wrong`."""
        self._in_order(version, asked, now)
        self.entries.read(version, asked, now)

    def unchanged(self, url: str, etag: str, asked: float, now: float, moment: datetime) -> None:
        """Take in a 304 to what was asked at *moment*, not before: the list still is the version with *etag*."""
        newest = self.newest(url)
        if newest is None or newest.etag != etag:
            return
        if newest.valid_until <= moment:
            raise Wrong(
                f"The list {url} was said to be unchanged, but what it was is valid until {newest.valid_until}."
            )
        self.read(newest, asked, now)

    def _in_order(self, version: Version, asked: float, now: float) -> None:
        recent = self._versions[version.url, version.form]
        if (settled := recent.settled(asked)) is not None:
            _require_no_step_back(settled, version)
        newest = recent.newest
        if newest is not None and version.valid_from == newest.valid_from:
            self._of_one_second(recent, newest, version, now)
        elif newest is not None and version.valid_from < newest.valid_from:
            _require_superset(version, newest)
        else:
            if newest is not None:
                _require_superset(newest, version)
            self._take(recent, version, now)

    def _of_one_second(self, recent: Recent[Version], newest: Version, version: Version, now: float) -> None:
        """Take in a version that says the same second as the newest: of final bits, the one with more is later."""
        if version.bits == newest.bits:
            recent.amend(version if version.etag else newest)  # nginx has entity tags of its own
        elif version.purpose not in FINAL or not _lost(newest, version):
            self._take(recent, version, now)
        elif _lost(version, newest):
            _require_superset(newest, version)

    def _take(self, recent: Recent[Version], version: Version, now: float) -> None:
        self.versions += 1
        recent.add(version, now)

    def position(self, of: str, position: int, asked: float, now: float) -> None:
        """Take in up to which position of the log an answer about *of* is complete; it never goes back."""
        recent = self._positions[of]
        if (settled := recent.settled(asked)) is not None and position < settled:
            raise Wrong(f"What is said of {of} went back: from position {settled} of the log to {position}.")
        if recent.newest is None or position > recent.newest:
            recent.add(position, now)


def _require_no_step_back(settled: Version, version: Version) -> None:
    """Raise `Wrong` when *version*, which was served when all should have had *settled*, is an earlier one."""
    if version.valid_from < settled.valid_from:
        raise Wrong(
            f"The list {version.url} went back{version.told}: after the version valid from {settled.valid_from} was "
            f"read, the one valid from {version.valid_from} was served."
        )
    _require_superset(settled, version)


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


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An answer about (list, index) that is not what the list said before or after it was asked."""

    index: int
    said: object
    version: Version

    def wrong(self) -> Wrong:
        """Return the error for one that stays."""
        return Wrong(
            f"A lookup says of index {self.index} of {self.version.url} that its value is {self.said}, the signed list "
            f"says {self.version.bit(self.index)}."
        )


def disagreements(results: Iterable[Mapping[str, object]], before: Version, after: Version) -> list[Disagreement]:
    """Return the results of lookups by (list, index) that neither version of the list agrees with."""
    said = ((int(str(one["statusListIndex"])), one.get("value")) for one in results)
    return [
        Disagreement(index, value, after) for index, value in said if value not in (before.bit(index), after.bit(index))
    ]
