"""The entries of the credentials that a run registered: what each must say in the lists that are read. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from load_tests.deployment.version import ONE_BIT, Version, Wrong

Entry = tuple[str, str, int]
"""(purpose, list, index)."""

_NEVER = float("-inf")


@dataclass(slots=True)
class _Changed:
    """An entry about which something was written."""

    value: int
    """As the write that was acknowledged last left it; 0 before the first."""
    acknowledged: float
    is_busy: bool
    """A write is under way, or nobody knows whether it was recorded: either value may be read."""
    is_awaited: bool = False
    """The value was not read yet."""


class Entries:
    """Remembers whose entries are whose and what was acknowledged of each; times are seconds of one clock.

    *visible_s*: after which what was acknowledged last must be in the list. An entry about which nothing was ever
    written is 0 in whatever is read.
    """

    def __init__(self, *, visible_s: float) -> None:
        self.visible_s = visible_s
        self._owners: dict[tuple[str, int], str] = {}
        self._untouched: dict[str, bytearray] = defaultdict(bytearray)
        """The entries of each list about which nothing was written, as a bitset like its own: they may be many."""
        self._changed: dict[str, dict[int, _Changed]] = defaultdict(dict)
        self.visible_after_s: list[float] = []
        """How long each acknowledged change took until it was read in its list."""

    def allocated(self, credential_id: str, entries: Iterable[Entry]) -> None:
        """Take in which entries a new credential was given; raise `Wrong` for one that belongs to another."""
        for purpose, url, index in entries:
            owner = self._owners.setdefault((url, index), credential_id)
            if owner != credential_id:
                raise Wrong(f"Index {index} of {url} was given twice: to {owner} and to {credential_id}.")
            if purpose in ONE_BIT:
                bits = self._untouched[url]
                bits.extend(bytes(max(0, (index >> 3) + 1 - len(bits))))
                bits[index >> 3] |= 0x80 >> (index & 7)

    def begun(self, url: str, index: int) -> None:
        """Take in that a write about an entry is under way."""
        self._untouched[url][index >> 3] &= ~(0x80 >> (index & 7))
        self._changed[url].setdefault(index, _Changed(0, _NEVER, is_busy=True)).is_busy = True

    def refused(self, url: str, index: int) -> None:
        """Take in that the write was refused: the entry is as it was."""
        entry = self._changed[url][index]
        entry.is_busy = False
        if entry.acknowledged == _NEVER:
            del self._changed[url][index]
            self._untouched[url][index >> 3] |= 0x80 >> (index & 7)

    def acknowledged(self, url: str, index: int, value: int, now: float) -> None:
        """Take in that the write was acknowledged, which left the entry at *value*."""
        self._changed[url][index] = _Changed(value, now, is_busy=False, is_awaited=True)

    def read(self, version: Version, asked: float, now: float) -> None:
        """Hold what a list said to a request sent at *asked* and answered *now* against it; raise `Wrong`."""
        self._require_untouched(version)
        for index, entry in self._changed.get(version.url, {}).items():
            if entry.is_busy:
                continue
            if version.bit(index) != entry.value:
                if asked > entry.acknowledged + self.visible_s:
                    raise self._late(version, index, entry, asked)
            elif entry.is_awaited:
                entry.is_awaited = False
                self.visible_after_s.append(max(0.0, now - entry.acknowledged))

    def _require_untouched(self, version: Version) -> None:
        own = self._untouched.get(version.url, b"")
        untouched = bytes(own[: len(version.bits)]).ljust(len(version.bits), b"\0")
        if wrong := int.from_bytes(untouched) & int.from_bytes(version.bits):
            index = len(version.bits) * 8 - wrong.bit_length()
            raise Wrong(
                f"Index {index} of {version.url} is set{version.told}, but it is {self._owners[version.url, index]}'s, "
                f"about whose {version.purpose} nothing was ever recorded."
            )

    def _late(self, version: Version, index: int, entry: _Changed, asked: float) -> Wrong:
        what, how = (version.purpose, "not") if entry.value else (f"end of the {version.purpose}", "still")
        owner, ago_s = self._owners[version.url, index], asked - entry.acknowledged
        return Wrong(
            f"The {what} of {owner} was acknowledged {ago_s:.1f} s ago, but index {index} of {version.url} is {how} "
            f"set{version.told}: an acknowledged write was lost."
        )

    def lists(self) -> list[str]:
        """Return the lists that have entries of the run's credentials."""
        return list(self._untouched)

    def awaited(self) -> list[str]:
        """Return the lists in which something acknowledged has not been read yet."""
        return [url for url, entries in self._changed.items() if any(map(_is_awaited, entries.values()))]

    def awaited_until(self) -> float:
        """Return when the last of it must have been; 0 if there is nothing."""
        every = (one for few in self._changed.values() for one in few.values() if _is_awaited(one))
        return max((one.acknowledged + self.visible_s for one in every), default=0.0)


def _is_awaited(entry: _Changed) -> bool:
    return entry.is_awaited and not entry.is_busy
