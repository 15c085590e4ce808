"""How long requests took: log-scaled buckets, a few hundred numbers however many requests, and bars for a terminal."""

from __future__ import annotations

from collections import Counter
from math import ceil, log2

from rich.console import Console
from rich.table import Table

PER_DOUBLING = 8
"""Buckets between a duration and twice as much: a percentile is at most 9 % too high."""
_LEAST_S = 1e-5
_BAR = 50
SHARES = (0.5, 0.9, 0.99, 0.999)


class Histogram:
    """Durations of one kind of request."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.slowest_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self._buckets[max(0, ceil(log2(max(seconds, _LEAST_S) / _LEAST_S) * PER_DOUBLING))] += 1
        self.count += 1
        self.slowest_s = max(self.slowest_s, seconds)

    def merge(self, other: Histogram) -> None:
        """Count what *other* counted."""
        self._buckets.update(other._buckets)
        self.count += other.count
        self.slowest_s = max(self.slowest_s, other.slowest_s)

    def percentile_s(self, share: float) -> float:
        """Return how long *share* of the requests took at most; 0 if there were none."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_upper_s(bucket), self.slowest_s)
        return self.slowest_s

    def bars(self) -> list[str]:
        """Return a line for each doubling, from the fastest to the slowest, those between them too."""
        if not self._buckets:
            return []
        doubled: Counter[int] = Counter()
        for bucket, count in self._buckets.items():
            doubled[ceil(bucket / PER_DOUBLING)] += count
        most = max(doubled.values())
        lines = []
        for one in range(min(doubled), max(doubled) + 1):
            bar = "█" * ceil(_BAR * doubled[one] / most)
            lines.append(f"≤ {_told(_upper_s(one * PER_DOUBLING)):>9} {bar:<{_BAR}} {doubled[one]:,}")
        return lines


def _upper_s(bucket: int) -> float:
    return float(_LEAST_S * 2 ** (bucket / PER_DOUBLING))


def _told(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.2f} ms"


def tell(console: Console, kinds: dict[str, Histogram]) -> None:
    """Print percentiles of each kind of request, and the bars of all together."""
    table = Table(title="how long requests took")
    table.add_column("request")
    for column in ("number", *(f"p{share * 100:g}" for share in SHARES), "slowest"):
        table.add_column(column, justify="right")
    every = Histogram()
    for name, one in kinds.items():
        if one.count:
            every.merge(one)
            percentiles = (_told(one.percentile_s(share)) for share in SHARES)
            table.add_row(name, f"{one.count:,}", *percentiles, _told(one.slowest_s))
    console.print(table)
    for line in every.bars():
        console.print(line, highlight=False)
