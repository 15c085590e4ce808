"""Shapes of work as registries see it, by a seed: which credentials are asked for, which are revoked, and when. Pure.

Popularity follows Zipf's law. In a normal year 0.2 % of what was issued is revoked, in a mass revocation 2.6 %,
which is what one faulty check cost the web's certificates in 2020. A graduation day is a year's work in one morning.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final, TypeVar

from registry.log.synthetic import Plan

REVOKED_NORMALLY: Final = 0.002
MASS_REVOCATION: Final = 0.026
T = TypeVar("T")


class Zipf:
    """Draws numbers from 0 to *many* - 1; the n-th has 1/(n+1)^*exponent* of the first one's weight."""

    def __init__(self, many: int, random: Random, *, exponent: float = 1.0) -> None:
        self._random = random
        self._ends = list(accumulate(1 / (n + 1) ** exponent for n in range(many)))

    def draw(self) -> int:
        """Return one number, small ones often."""
        return bisect(self._ends, self._random.random() * self._ends[-1], hi=len(self._ends) - 1)


@dataclass(frozen=True, slots=True)
class Mix:
    """How often each kind of request is made, as weights that need not add up to 1."""

    weights: dict[str, float]

    def draws(self, random: Random) -> Iterator[str]:
        """Yield kinds for ever."""
        names, ends = list(self.weights), list(accumulate(self.weights.values()))
        while True:
            yield names[bisect(ends, random.random() * ends[-1], hi=len(ends) - 1)]


VERIFIERS: Final = Mix({"list": 25, "list, unchanged": 45, "lookup": 20, "lookups": 4, "entries": 6})
"""What those who may only read ask for: most of them have the list already."""
WITH_ISSUER: Final = Mix({**VERIFIERS.weights, "register": 8, "suspend": 1, "reinstate": 1, "revoke": 2})
"""The same, while one issuer is at work."""


def chosen(of: Sequence[T], share: float, random: Random) -> list[T]:
    """Return *share* of *of*, at least one, at random and in no order: what a revocation hits."""
    return random.sample(of, max(1, round(len(of) * share))) if of else []


def graduation_day(credentials: int, seconds: float, random: Random) -> list[float]:
    """Return when each of *credentials* is registered, in order, in a day that is *seconds* long.

    Four fifths come in an eighth of the day, in one upload after the other; the others whenever.
    """
    rush = round(credentials * 0.8)
    begins, lasts = seconds * 0.375, seconds / 8
    times = [begins + lasts * random.random() for _ in range(rush)]
    return sorted([*times, *(seconds * random.random() for _ in range(credentials - rush))])


@dataclass(frozen=True, slots=True)
class EvenPlan(Plan):
    """A made-up registry whose issuers are all equally large, so that what hits at random hits every list."""

    def sizes(self) -> list[int]:
        """Return how many credentials each issuer has."""
        each, more = divmod(self.credentials, self.issuers)
        return [each + (number < more) for number in range(self.issuers)]
