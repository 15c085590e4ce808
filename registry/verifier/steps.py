"""How a step is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from registry.domain.problem import Problem
from registry.verifier.verification import Outcome, Step, Verdict


def passed(name: str, detail: str, now: datetime, verdict: Verdict | None = None) -> Step:
    """Return a step that found nothing wrong."""
    return Step(name, Outcome.PASSED, detail, now, verdict=verdict)


def skipped(name: str, detail: str, now: datetime) -> Step:
    """Return a step that was not taken, and why."""
    return Step(name, Outcome.SKIPPED, detail, now)


def warned(
    name: str, detail: str, now: datetime, *, problems: Iterable[Problem] = (), verdict: Verdict | None = None
) -> Step:
    """Return a step after which the document is still its issuer's, but perhaps not valid."""
    return Step(name, Outcome.WARNED, detail, now, tuple(problems), verdict)


def failed(name: str, problems: Iterable[Problem], now: datetime, detail: str | None = None) -> Step:
    """Return a step after which the document counts as malformed or badly signed."""
    found = tuple(problems)
    return Step(name, Outcome.FAILED, detail or found[0].detail, now, found, Verdict.UNVERIFIABLE)


def structure_step(problems: Sequence[Problem], now: datetime) -> Step:
    """Return the step `structure`, which found *problems*."""
    if problems:
        return failed("structure", problems, now)
    return passed("structure", "It conforms to the data model.", now)
