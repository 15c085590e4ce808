"""What the answer to a verification looks like, for `/openapi.json`; `verdicts.py` builds it."""

from __future__ import annotations

from typing import Any, Literal

from registry.http.answers import Answer


class FoundProblem(Answer):
    """One thing that a verification found (RFC 9457)."""

    type: str
    title: str
    detail: str
    pointer: str | None = None
    source: str | None = None


class VerificationStep(Answer):
    """One thing that was checked, and when."""

    step: str
    outcome: Literal["passed", "warned", "failed", "skipped"]
    detail: str
    checked_at: str
    problem_details: list[FoundProblem] | None = None


class VerificationAnswer(Answer):
    """What something that was presented is worth; only `verified` is always there."""

    verified: bool
    verdict: (
        Literal["valid", "revoked", "suspended", "superseded", "expired", "not-yet-valid", "unverifiable"] | None
    ) = None
    summary: str | None = None
    verification_date: str | None = None
    problem_details: list[FoundProblem] | None = None
    steps: list[VerificationStep] | None = None
    results: dict[str, Any] | None = None
    contained: list[dict[str, Any]] | None = None


class LintFinding(Answer):
    """One thing that will go wrong: in *failsIn*, because *because*."""

    rule: str
    severity: Literal["error", "warning", "note"]
    pointer: str
    fails_in: str
    because: str
    remedy: str
    source: str


class LintAnswer(Answer):
    """Where a credential will fail, the worst first."""

    errors: int
    warnings: int
    notes: int
    rules: int
    findings: list[LintFinding]
