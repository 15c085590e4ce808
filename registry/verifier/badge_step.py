"""Is it the badge, endorsement or learner record that it says it is, and about the person who is asked for?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from registry.domain.problem import WRONG_RECIPIENT, Problem
from registry.verifier.badges.achievement import achievement_advice
from registry.verifier.badges.kinds import BADGE, KINDS
from registry.verifier.badges.recipient import is_about
from registry.verifier.steps import failed, passed, warned
from registry.verifier.structure.check import MAX_PROBLEMS
from registry.verifier.verification import Step


def badge_step(document: Mapping[str, Any], now: datetime) -> Step | None:
    """Return the step `badge`; None: the document is no badge, endorsement or learner record."""
    kinds = [kind for kind in KINDS if kind.includes(document)]
    if not kinds:
        return None
    if problems := list(islice((problem for kind in kinds for problem in kind.rule(document)), MAX_PROBLEMS)):
        return failed("badge", problems, now)
    if advice := list(islice(achievement_advice(document), MAX_PROBLEMS)) if BADGE in kinds else []:
        return warned("badge", "It conforms, but not everything in it fits together.", now, problems=advice)
    return passed("badge", f"It conforms to {' and '.join(kind.specification for kind in kinds)}.", now)


def recipient_step(document: Mapping[str, Any], identifier: str, now: datetime) -> Step:
    """Return the step `recipient`: whether the credential is about who is identified so."""
    if is_about(document, identifier):
        return passed("recipient", "The credential is about the person who was named.", now)
    detail = "The credential is not about the person who was named: no id or identifier of its subject fits."
    problem = Problem(WRONG_RECIPIENT, "The credential is about somebody else", detail, "/credentialSubject")
    return failed("recipient", [problem], now)
