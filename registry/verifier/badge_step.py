"""Is it the badge, endorsement or learner record that it says it is, and about the person who is asked for?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from registry.domain.problem import WRONG_RECIPIENT, Problem
from registry.verifier.badges.achievement import (
    BADGE_TYPES,
    achievement_advice,
    achievement_credential,
    endorsement_credential,
)
from registry.verifier.badges.recipient import is_about
from registry.verifier.badges.transcript import CLR_TYPE, clr_credential
from registry.verifier.steps import failed, passed, warned
from registry.verifier.structure.check import MAX_PROBLEMS
from registry.verifier.structure.parties import types_of
from registry.verifier.verification import Step

Rules = Callable[[Mapping[str, Any]], Iterator[Problem]]

_KINDS: Final[tuple[tuple[frozenset[str], str, Rules], ...]] = (
    (BADGE_TYPES, "Open Badges 3.0", achievement_credential),
    (frozenset({"EndorsementCredential"}), "Open Badges 3.0 (endorsement)", endorsement_credential),
    (frozenset({CLR_TYPE}), "CLR 2.0", clr_credential),
)


def badge_step(document: Mapping[str, Any], now: datetime) -> Step | None:
    """Return the step `badge`; None: the document is no badge, endorsement or learner record."""
    types = set(types_of(document))
    kinds = [(name, rules) for names, name, rules in _KINDS if names & types]
    if not kinds:
        return None
    problems = list(islice((problem for _, rules in kinds for problem in rules(document)), MAX_PROBLEMS))
    if problems:
        return failed("badge", problems, now)
    if advice := list(islice(achievement_advice(document), MAX_PROBLEMS)) if BADGE_TYPES & types else []:
        return warned("badge", "It conforms, but not everything in it fits together.", now, problems=advice)
    return passed("badge", f"It conforms to {' and '.join(name for name, _ in kinds)}.", now)


def recipient_step(document: Mapping[str, Any], identifier: str, now: datetime) -> Step:
    """Return the step `recipient`: whether the credential is about who is identified so."""
    if is_about(document, identifier):
        return passed("recipient", "The credential is about the person who was named.", now)
    detail = "The credential is not about the person who was named: no id or identifier of its subject fits."
    problem = Problem(WRONG_RECIPIENT, "The credential is about somebody else", detail, "/credentialSubject")
    return failed("recipient", [problem], now)
