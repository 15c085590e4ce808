"""The command line that every script has, and what it does with the outcomes."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from load_tests.outcome import Outcome, tell, written

MISSED, UNMEASURED = 1, 2
"""Exit statuses: a target was missed; something that the measurement needs is not there."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int
    """Interleaved rounds; at least 5 for a result."""
    seconds: float
    """Of each measurement of a round."""
    is_quick: bool = False


class CannotMeasure(Exception):
    """Something that the measurement needs is not there; the sentence says what, and how to get it."""


Measurement = Callable[[Effort], Coroutine[Any, Any, list[Outcome]]]
FULL, QUICK = Effort(7, 1.5), Effort(5, 0.5, is_quick=True)


def run(
    description: str,
    measure: Measurement,
    *,
    full: Effort = FULL,
    quick: Effort = QUICK,
    more: argparse.ArgumentParser | None = None,
) -> int:
    """Measure as the command line says, tell the outcomes, and return the exit status.

    *more* has the script's own arguments (made without `-h`), which it reads by `parse_known_args` itself.
    """
    given = _arguments(description, full, more)
    chosen = quick if given.quick else Effort(given.rounds, given.seconds)
    began = time.monotonic()
    try:
        outcomes = asyncio.run(measure(chosen))
    except CannotMeasure as missing:
        Console(stderr=True).print(str(missing))
        return UNMEASURED
    tell(description, outcomes, of_target=given.of_target)
    Console().print(f"{time.monotonic() - began:.0f} s", style="dim")
    if given.json is not None:
        given.json.write_bytes(written(outcomes))
    return 0 if all(one.is_reached(given.of_target) for one in outcomes) else MISSED


def _arguments(description: str, full: Effort, more: argparse.ArgumentParser | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, parents=[more] if more else [])
    parser.add_argument("--rounds", type=int, default=full.rounds, help="interleaved rounds (at least 5 for a result)")
    parser.add_argument("--seconds", type=float, default=full.seconds, help="seconds of each measurement")
    parser.add_argument("--quick", action="store_true", help="5 short rounds")
    parser.add_argument("--of-target", type=float, default=1, help="judge by this share of each target")
    parser.add_argument("--json", type=Path, help="also write the outcomes to this file")
    return parser.parse_args()
