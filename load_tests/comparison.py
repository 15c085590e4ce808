"""Two sides measured in one run: interleaved rounds, medians, and a ratio against its target.

Absolute numbers move by two or three times from run to run on a shared machine; a ratio taken round by round, with
both sides a second apart, holds. So a result here is the median over the rounds of our rate by theirs in that round.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

from rich.console import Console

from load_tests.outcome import Outcome

Measure = Callable[[], Awaitable[float]]
"""One measurement, a second or so long; returns how many per second."""

Samples = dict[str, list[float]]
"""Each side's rates, one per round."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One line of the result: *ours* against the best of *theirs*."""

    row: int
    name: str
    ours: str
    theirs: tuple[str, ...]
    at_least: float | None
    """None: it is told only."""
    aim: float | None = None

    def of(self, samples: Samples, unit: str) -> Outcome:
        """Return the median over the rounds of our rate ÷ the best of theirs; rates are *unit*."""
        rivals = zip(*(samples[name] for name in self.theirs), strict=True)
        rounds = tuple(mine / max(best) for mine, best in zip(samples[self.ours], rivals, strict=True))
        return Outcome(
            self.row,
            self.name,
            ours=median(samples[self.ours]),
            theirs=max(median(samples[name]) for name in self.theirs),
            unit=unit,
            value=median(rounds),
            target=self.at_least,
            aim=self.aim,
            rounds=rounds,
        )


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
