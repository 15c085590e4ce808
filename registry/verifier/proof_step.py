"""Was it made by who it says made it? Embedded proofs and envelopes, and whose keys they are.

Sources: VC Data Integrity 1.0, sections 4.4 and 4.5; Securing Verifiable Credentials using JOSE and COSE 1.0, sections
3 and 4; Controlled Identifiers 1.0, section 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from registry.domain.problem import CRYPTOGRAPHIC_SECURITY_ERROR, Problem
from registry.securing.proofs import ProofResult, verify_proofs
from registry.verifier.believed_keys import BelievedKeys
from registry.verifier.envelope_proof import envelope_problems, method_url
from registry.verifier.opened import Kind, Opened
from registry.verifier.sources import Sources
from registry.verifier.steps import failed, passed, warned
from registry.verifier.verification import Step

_TITLE: Final = "The proof does not show who made it"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a proof must be for."""

    controller: str | None
    """Whose key it must be: the issuer's, or the holder's; None: anybody's (a presentation that names no holder)."""
    purpose: str
    now: datetime
    """The moment it must hold at."""
    challenge: str | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """The step, VCALM's results, and whose key it was (the first that counts)."""

    step: Step
    results: list[dict[str, Any]]
    controller: str | None = None
    needs_record: bool = False
    """Whether the key was compromised later: who has it can write any date, so only the log's own record counts."""


async def proof_step(sources: Sources, opened: Opened, kind: Kind, expected: Expected) -> Proven:
    """Return whether the document is secured by whom it must be."""
    now = sources.clock()
    if opened.envelope is not None:
        return await _enveloped(sources, opened, kind, expected, now)
    keys = BelievedKeys(sources)
    results = await verify_proofs(
        opened.document,
        canonical_of=sources.canonical_of,
        key_of=keys.key_of,
        purpose=expected.purpose,
        now=expected.now,
        challenge=expected.challenge,
        domain=expected.domain,
    )
    if not results:
        detail = f"The {kind.word} has no proof; nothing shows who made it."
        return Proven(failed("proof", [_problem(detail, "/proof")], now), [])
    return _judged([_believed(one, keys) for one in results], keys, kind, expected, now)


def _believed(result: ProofResult, keys: BelievedKeys) -> ProofResult:
    """Return *result*, which does not hold if its key was compromised before it was made."""
    problem = keys.problem_of(result.verification_method, result.created, "/proof") if result.verified else None
    return result if problem is None else replace(result, verified=False, problem=problem)


def _judged(
    results: Sequence[ProofResult], keys: BelievedKeys, kind: Kind, expected: Expected, now: datetime
) -> Proven:
    """Every proof that is understood must hold, and one of them must be by whom it must be."""
    told = [_result(result) for result in results]
    counting = [one for one in results if one.verified and expected.controller in (None, one.controller)]
    wrong = [one for one in results if not one.verified and one.mechanism is not None]
    foreign = [one for one in results if not one.verified and one.mechanism is None]
    if not counting or wrong:
        found = [one.problem for one in (*wrong, *foreign) if one.problem is not None]
        if not counting and (others := [one.controller for one in results if one.verified]):
            found.append(_problem(f"The proof is by {others[0]}, not by {expected.controller}.", "/proof"))
        found.append(_problem(_unproven(kind, expected), "/proof"))
        return Proven(failed("proof", found, now), told)
    who, by = counting[0].controller, ", ".join(sorted({str(one.mechanism) for one in counting}))
    needs_record = all(keys.is_compromised(one.verification_method) for one in counting)
    if foreign:
        detail = f"The {kind.word} is signed by {who} ({by}); {len(foreign)} other proofs are of kinds not known here."
        return Proven(warned("proof", detail, now), told, who, needs_record)
    return Proven(passed("proof", f"The {kind.word} is signed by {who} ({by}).", now), told, who, needs_record)


async def _enveloped(sources: Sources, opened: Opened, kind: Kind, expected: Expected, now: datetime) -> Proven:
    envelope = opened.envelope
    assert envelope is not None, "the caller has looked"
    keys = BelievedKeys(sources)
    problems, controller = await envelope_problems(
        keys,
        envelope,
        controller=expected.controller,
        purpose=expected.purpose,
        moment=expected.now,
        challenge=expected.challenge,
        domain=expected.domain,
    )
    told: list[dict[str, Any]] = [
        {
            "verified": not problems,
            "input": {"type": envelope.mechanism, "verificationMethod": envelope.key_id},
            "problemDetails": [problem.json() for problem in problems],
        }
    ]
    if problems:
        return Proven(failed("proof", [*problems, _problem(_unproven(kind, expected), "")], now), told)
    detail = f"The {kind.word} is signed by {controller} ({envelope.mechanism})."
    needs_record = keys.is_compromised(method_url(envelope, expected.controller))
    return Proven(passed("proof", detail, now), told, controller, needs_record)


def _result(result: ProofResult) -> dict[str, Any]:
    problem = result.problem
    found = [] if problem is None else [{"type": problem.type, "title": problem.title, "detail": problem.detail}]
    proof: Mapping[str, Any] = result.proof
    return {"verified": result.verified, "input": proof, "problemDetails": found}


def _unproven(kind: Kind, expected: Expected) -> str:
    return f"Nothing shows that the {kind.word} was made by {expected.controller or 'whoever signed it'}."


def _problem(detail: str, pointer: str) -> Problem:
    return Problem(CRYPTOGRAPHIC_SECURITY_ERROR, _TITLE, detail, pointer, "VCDM 2.0, section 7.1")
