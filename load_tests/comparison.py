"""Two sides measured in one run: interleaved rounds, medians, and a ratio against its target.

Absolute numbers move by two or three times from run to run on a shared machine; a ratio taken round by round, with
both sides a second apart, holds. So a result here is the median over the rounds of our rate by theirs in that round.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

Measure = Callable[[], Awaitable[float]]
"""One measurement, a second or so long; returns how many per second."""

Samples = dict[str, list[float]]
"""Each side's rates, one per round."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One line of the result: *ours* against the best of *theirs*."""

    name: str
    ours: str
    theirs: tuple[str, ...]
    at_least: float
    aim: float | None = None

    def of(self, samples: Samples) -> float:
        """Return the median over the rounds of our rate ÷ the best of theirs."""
        rivals = zip(*(samples[name] for name in self.theirs), strict=True)
        value: float = median(mine / max(best) for mine, best in zip(samples[self.ours], rivals, strict=True))
        return value


async def interleaved(sides: Mapping[str, Measure], rounds: int) -> Samples:
    """Return every side's rates over *rounds*; each round begins with another side, so that none is always first."""
    samples: Samples = {name: [] for name in sides}
    order = list(sides)
    console = Console()
    for number in range(1, rounds + 1):
        for name in order:
            samples[name].append(await sides[name]())
        order = [*order[1:], order[0]]
        rates = ", ".join(f"{name} {samples[name][-1]:,.0f}" for name in sides)
        console.print(f"round {number} of {rounds}: {rates}", style="dim")
    return samples


def report(title: str, ratios: Sequence[Ratio], samples: Samples, *, unit: str) -> bool:
    """Print both sides, ratio and target of each of *ratios*; return whether all targets were reached."""
    table = Table(title=title)
    for column in ("what", f"ours, {unit}", f"theirs, {unit}", "ratio", "target", "spread"):
        table.add_column(column, justify="left" if column == "what" else "right")
    are_reached = True
    for ratio in ratios:
        value = ratio.of(samples)
        is_reached = value >= ratio.at_least
        are_reached = are_reached and is_reached
        table.add_row(
            ratio.name,
            f"{median(samples[ratio.ours]):,.0f}",
            f"{max(median(samples[name]) for name in ratio.theirs):,.0f}",
            f"{value:.2f}",
            f"≥ {ratio.at_least:g}" + (f", aim {ratio.aim:g}" if ratio.aim else "") + (" ✓" if is_reached else " ✗"),
            _spread(samples[ratio.ours]),
        )
    Console(width=120).print(table)
    return are_reached


async def rate(work: Callable[[Callable[[], bool]], Awaitable[int]], *, seconds: float, most: int) -> float:
    """Return how many a second *work* got done; it stops when the callable it is given says that time is up.

    It counts towards *most*, which bounds what a fast machine writes.
    """
    done = 0
    started = time.perf_counter()

    def is_over() -> bool:
        nonlocal done
        done += 1
        return done > most or time.perf_counter() - started >= seconds

    count = await work(is_over)
    return count / (time.perf_counter() - started)


def _spread(rates: Sequence[float]) -> str:
    return f"{min(rates):,.0f} to {max(rates):,.0f}"
