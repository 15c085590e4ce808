"""One word from many steps, and the sentence that goes with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from registry.domain.problem import CONTAINED_DOES_NOT_HOLD, Problem
from registry.verifier.steps import passed, warned
from registry.verifier.verification import Contained, Outcome, Step, Verdict

_WORST_FIRST: Final = (
    Verdict.REVOKED,
    Verdict.UNVERIFIABLE,
    Verdict.EXPIRED,
    Verdict.SUSPENDED,
    Verdict.NOT_YET_VALID,
    Verdict.SUPERSEDED,
    Verdict.VALID,
)
"""Revocation is final, whatever else is unknown; everything after it could be hidden behind what is unknown."""

_SUMMARIES: Final = {
    Verdict.VALID: "This {what} is valid: it was made by {whom} and nothing is said against it.",
    Verdict.REVOKED: "This {what} was made by {whom}, who has revoked it. It does not count any more.",
    Verdict.SUSPENDED: "This {what} was made by {whom}, who has suspended it. It does not count for now.",
    Verdict.SUPERSEDED: "This {what} was made by {whom}, who has replaced it by a newer one. Ask for that.",
    Verdict.EXPIRED: "This {what} was made by {whom}; its validity has ended.",
    Verdict.NOT_YET_VALID: "This {what} was made by {whom}; its validity has not begun.",
    Verdict.UNVERIFIABLE: "This {what} was made by {whom}, but whether it still counts cannot be said now: {why}",
}
_REFUSED: Final = "This {what} does not hold: {why}"


def is_verified(steps: Iterable[Step]) -> bool:
    """Whether no step failed: the document is well formed, and its issuer's."""
    return all(step.outcome is not Outcome.FAILED for step in steps)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the one that decides; VALID for none."""
    return min(verdicts, key=_WORST_FIRST.index, default=Verdict.VALID)


def verdict_of(steps: Sequence[Step]) -> Verdict:
    """Return the verdict of a document that was taken through *steps*."""
    if not is_verified(steps):
        return Verdict.UNVERIFIABLE
    return worst(step.verdict for step in steps if step.verdict is not None)


def summary_of(steps: Sequence[Step], verdict: Verdict, *, what: str, whom: str) -> str:
    """Return the verdict as a sentence; *what* was presented (credential, presentation), *whom* names who made it."""
    why = next((step.detail for step in steps if step.verdict is Verdict.UNVERIFIABLE), "")
    text = _SUMMARIES[verdict] if is_verified(steps) else _REFUSED
    return text.format(what=what, whom=whom, why=why)


def contained_step(inside: Sequence[Contained], now: datetime) -> Step:
    """Return the step `contained`: how many of the credentials inside are valid; none speaks for the whole."""
    wanting = [one for one in inside if one.verification.verdict is not Verdict.VALID]
    if not wanting:
        return passed("contained", f"All {len(inside)} credentials inside are valid.", now)
    detail = f"Of {len(inside)} credentials inside, {len(wanting)} are not valid; each has a verdict of its own."
    problems = [
        Problem(CONTAINED_DOES_NOT_HOLD, "A contained credential is not valid", one.verification.summary, one.pointer)
        for one in wanting
    ]
    return warned("contained", detail, now, problems=problems)
