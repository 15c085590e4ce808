"""Verifications → JSON (VCALM 1.0, sections 3.4.1 and 3.4.2, and our own verdict, summary and steps)."""

from __future__ import annotations

from typing import Any, Final

from registry.domain.problem import Problem
from registry.http.rendering import moment
from registry.http.verify_bodies import CredentialOptions, PresentationOptions
from registry.verifier.verification import Step, Verification

VCALM_UNKNOWN_OPTION: Final = "https://www.w3.org/TR/vcalm#UNKNOWN_OPTION_PROVIDED"

Json = dict[str, Any]


def answer(found: Verification, origin: str, options: CredentialOptions, *, is_presentation: bool = False) -> Json:
    """Return the answer to a request; *origin* comes before the problem types that are ours."""
    told = _verification(found, origin)
    if options.verification_date is not None:
        told["summary"] += f" That is how it stood at {moment(found.verified_at)}; today it may be otherwise."
    if is_presentation:
        results: Json = {
            "presentation": found.results,
            "credentials": [_verification(one.verification, origin) for one in found.contained],
        }
        told |= {"results": results}
        told.pop("contained", None)
    if options.return_credential and not is_presentation:
        told["credential"] = found.document
    if isinstance(options, PresentationOptions) and options.return_presentation:
        told["verifiablePresentation"] = found.document
    if not options.return_results:
        del told["results"]
    if not options.return_problem_details:
        del told["problemDetails"]
    return told


def _verification(found: Verification, origin: str) -> Json:
    told: Json = {
        "verified": found.verified,
        "verdict": found.verdict,
        "summary": found.summary,
        "verificationDate": moment(found.verified_at),
        "problemDetails": [_problem(one, origin) for one in found.problems],
        "steps": [_step(one, origin) for one in found.steps],
        "results": found.results,
    }
    if found.contained:
        told["contained"] = [
            {"pointer": one.pointer, **_verification(one.verification, origin)} for one in found.contained
        ]
    return told


def _step(step: Step, origin: str) -> Json:
    told: Json = {
        "step": step.name,
        "outcome": step.outcome,
        "detail": step.detail,
        "checkedAt": moment(step.checked_at),
    }
    if step.problems:
        told["problemDetails"] = [_problem(one, origin) for one in step.problems]
    return told


def _problem(problem: Problem, origin: str) -> Json:
    told = problem.json()
    if problem.type.startswith("/"):
        told["type"] = origin + problem.type
    return told
