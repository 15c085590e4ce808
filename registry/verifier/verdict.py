"""One word from many steps, and the sentence that goes with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from registry.domain.problem import (
    CONTAINED_DOES_NOT_HOLD,
    CREDENTIAL_REVOKED,
    CREDENTIAL_SUPERSEDED,
    CREDENTIAL_SUSPENDED,
    INVALID_CONTROLLED_IDENTIFIER_DOCUMENT,
    PROOF_TRANSFORMATION_ERROR,
    Problem,
)
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

AGAINST: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.REVOKED: (CREDENTIAL_REVOKED, "The credential is revoked"),
    Verdict.SUSPENDED: (CREDENTIAL_SUSPENDED, "The credential is suspended"),
    Verdict.SUPERSEDED: (CREDENTIAL_SUPERSEDED, "The credential was replaced"),
}
"""What an issuer may say against its credential: verdict → type and title of the problem."""

_SUMMARIES: Final = {
    Verdict.VALID: "This {what} is valid: it was made by {whom}, and nothing is said against it.",
    Verdict.REVOKED: "This {what} was made by {whom}, who has revoked it. It does not count any more.",
    Verdict.SUSPENDED: "This {what} was made by {whom}, who has suspended it. It does not count for now.",
    Verdict.SUPERSEDED: "This {what} was made by {whom}, who has replaced it by a newer one. Ask for that.",
    Verdict.EXPIRED: "This {what} was made by {whom}; its validity has ended.",
    Verdict.NOT_YET_VALID: "This {what} was made by {whom}; its validity has not begun.",
    Verdict.UNVERIFIABLE: "This {what} was made by {whom}, but whether it still counts cannot be said now: {why}",
}
_VALID_BUT: Final = "This {what} is valid: it was made by {whom}. But consider: {remarks}"
_REFUSED: Final = "This {what} cannot be relied on: {why}"
_OUT_OF_REACH: Final = "This {what} could not be checked: {why}"

_MISSING_HERE: Final = frozenset({INVALID_CONTROLLED_IDENTIFIER_DOCUMENT, PROOF_TRANSFORMATION_ERROR})
"""What was wanted for the check and could not be had; the document may be sound."""


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
    remarks = " ".join(_remarks(steps))
    text = _VALID_BUT if verdict is Verdict.VALID and remarks else _SUMMARIES[verdict]
    if not is_verified(steps):
        text = _OUT_OF_REACH if _is_out_of_reach(steps) else _REFUSED
    return text.format(what=what, whom=whom, why=why, remarks=remarks)


def _remarks(steps: Iterable[Step]) -> Iterator[str]:
    """What a person should know though the verdict is none the worse for it: who is unknown, what else is inside."""
    for step in steps:
        if step.outcome is Outcome.WARNED or (step.name == "issuer" and step.outcome is Outcome.SKIPPED):
            yield step.detail


def _is_out_of_reach(steps: Iterable[Step]) -> bool:
    failed = next(step for step in steps if step.outcome is Outcome.FAILED)
    return bool(failed.problems) and failed.problems[0].type in _MISSING_HERE


def contained_step(inside: Sequence[Contained], now: datetime) -> Step:
    """Return the step `contained`: how many of the credentials inside are valid; none speaks for the whole."""
    wanting = [one for one in inside if one.verification.verdict is not Verdict.VALID]
    if not wanting:
        return passed("contained", f"Valid credentials inside: {len(inside)}.", now)
    detail = f"Of the credentials inside ({len(inside)}), not valid: {len(wanting)}; each has a verdict of its own."
    problems = [
        Problem(CONTAINED_DOES_NOT_HOLD, "A contained credential is not valid", one.verification.summary, one.pointer)
        for one in wanting
    ]
    return warned("contained", detail, now, problems=problems)
