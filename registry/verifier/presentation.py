"""Presentations: whose they are, for whom and for which challenge they were made, and what is in them.

Sources: VCDM 2.0, section 4.13; VCALM 1.0, section 3.4.2 (verify presentation).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from registry.domain.names import LogName
from registry.domain.problem import (
    INVALID_CHALLENGE_ERROR,
    INVALID_DOMAIN_ERROR,
    INVALID_VERIFICATION_METHOD,
    Problem,
)
from registry.securing.verification_method import AUTHENTICATION
from registry.verifier.badge_step import recipient_step
from registry.verifier.beside import Walks
from registry.verifier.contained import contained_in
from registry.verifier.context_step import context_step
from registry.verifier.opened import PRESENTATION, Opened, Presented, envelope_of, opened
from registry.verifier.options import Options
from registry.verifier.proof_step import Expected, proof_step
from registry.verifier.sources import Sources
from registry.verifier.status_step import status_step
from registry.verifier.steps import failed, passed, skipped, structure_step
from registry.verifier.structure.check import check_credential, check_presentation
from registry.verifier.structure.parties import id_of
from registry.verifier.validity_step import validity_step
from registry.verifier.verdict import contained_step, is_verified, summary_of, verdict_of, worst
from registry.verifier.verification import Contained, Outcome, Step, Verdict, Verification
from registry.verifier.verify import Budget, CredentialVerifier


class PresentationVerifier:
    """Verifies presentations and every credential in them."""

    def __init__(self, sources: Sources, credentials: CredentialVerifier) -> None:
        self._sources = sources
        self._credentials = credentials

    async def verify(
        self, log: LogName, presented: Presented, options: Options, *, is_proof_needed: bool = True
    ) -> Verification:
        """Return what the presentation is worth: verified when it and every credential in it are.

        Without *is_proof_needed*, one without a proof is taken for what it holds (VCALM's `presentation`).
        """
        taken = await Walks(envelope_of(presented))(lambda: opened(presented, PRESENTATION))
        if not isinstance(taken, Opened):
            return self._concluded([failed("structure", taken, self._sources.clock())], None, {}, (), options)
        steps: list[Step] = []
        results: dict[str, Any] = {}
        holder = await self._itself(taken, options, steps, results, is_proof_needed=is_proof_needed)
        inside: tuple[Contained, ...] = ()
        if is_verified(steps):
            inside = await self._credentials_in(log, taken.document, options, holder)
            if inside:
                steps.append(_contained_step(inside, self._sources.clock()))
        return self._concluded(steps, taken.document, results, inside, options)

    async def _itself(
        self,
        taken: Opened,
        options: Options,
        steps: list[Step],
        results: dict[str, Any],
        *,
        is_proof_needed: bool,
    ) -> str | None:
        """Take the steps of the presentation itself; return who made it, if that was shown."""
        sources, document = self._sources, taken.document
        now = sources.clock()
        walk = Walks(document)
        steps.append(structure_step(await walk(lambda: check_presentation(document)), now))
        if not is_verified(steps):
            return None
        is_enveloped = taken.envelope is not None
        if not is_proof_needed and not is_enveloped and "proof" not in document:
            steps.append(_without_proof(options, now))
            return None
        steps.append(await walk(lambda: context_step(document, sources.context_of, now, is_enveloped=is_enveloped)))
        if not is_verified(steps):
            return None
        holder = id_of(document.get("holder"))
        expected = Expected(
            holder, AUTHENTICATION, options.at or now, challenge=options.challenge, domain=options.domain
        )
        proven = await proof_step(sources, taken, PRESENTATION, expected)
        steps.append(proven.step)
        if proven.needs_record:
            steps.append(_unrecorded(now))
        results.update(_results(proven.results, proven.step, holder, options))
        return proven.controller

    async def _credentials_in(
        self, log: LogName, document: Mapping[str, Any], options: Options, holder: str | None
    ) -> tuple[Contained, ...]:
        inner = Options(at=options.at, identifier=options.identifier)
        budget = Budget()
        found = []
        for credential, pointer in await Walks(document)(lambda: list(contained_in(document))):
            if _is_self_asserted(credential, document, holder):
                verification = await self._self_asserted(log, credential, inner, budget)
            else:
                verification = await self._credentials.verify_inner(log, credential, inner, budget, 1)
            found.append(Contained(pointer, verification))
        return tuple(found)

    async def _self_asserted(
        self, log: LogName, credential: Mapping[str, Any], options: Options, budget: Budget
    ) -> Verification:
        """A credential without a proof of its own, whose issuer is the holder: the presentation's proof covers it.

        Nobody but the holder vouches for it, so it is worth no more than what is inside.
        """
        now = self._sources.clock()
        moment = options.at or now
        who = id_of(credential.get("issuer")) or "its holder"
        results: dict[str, Any] = {}
        inside: tuple[Contained, ...] = ()
        steps = [structure_step(check_credential(credential), now)]
        if is_verified(steps):
            detail = "Its holder says this of himself; the presentation's proof covers it."
            step, results = validity_step(credential, moment, now)
            steps += [passed("proof", detail, now), step]
            if options.identifier is not None:
                steps.append(recipient_step(credential, options.identifier, now))
            if "credentialStatus" in credential:
                step, entries = await status_step(self._sources, credential, now, options.at)
                steps.append(step)
                results = {**results, "credentialStatus": entries}
            inside = await self._credentials.verify_inside(log, list(contained_in(credential)), options, budget, 1)
            if inside:
                steps.append(_contained_step(inside, now))
        verdict = worst([verdict_of(steps), *(one.verification.verdict for one in inside)])
        summary = summary_of(steps, verdict, what="self-asserted credential", whom=who)
        return Verification(verdict, is_verified(steps), summary, tuple(steps), credential, moment, results, inside)

    def _concluded(
        self,
        steps: list[Step],
        document: Mapping[str, Any] | None,
        results: dict[str, Any],
        inside: tuple[Contained, ...],
        options: Options,
    ) -> Verification:
        verified = is_verified(steps)
        verdicts = [verdict_of(steps), *(one.verification.verdict for one in inside)]
        verdict = worst(verdicts) if verified else Verdict.UNVERIFIABLE
        return Verification(
            verdict,
            verified,
            _summary(steps, verdict, document, inside),
            tuple(steps),
            document,
            options.at or self._sources.clock(),
            results,
            inside,
        )


def _is_self_asserted(credential: Any, document: Mapping[str, Any], holder: str | None) -> bool:
    """Whether the presentation's proof may stand for the credential's (VCDM 2.0, section 4.13.4)."""
    return (
        isinstance(credential, Mapping)
        and "proof" not in credential
        and holder is not None
        and id_of(document.get("holder")) == holder
        and id_of(credential.get("issuer")) == holder
    )


def _unrecorded(now: datetime) -> Step:
    """Whoever has a compromised key can write any date, and presentations are on no record."""
    detail = "The key that made the presentation is compromised; it proves nothing any more."
    return failed("proof", [Problem(INVALID_VERIFICATION_METHOD, "The key was compromised", detail, "/proof")], now)


def _without_proof(options: Options, now: datetime) -> Step:
    """A presentation that was sent as one without proof cannot answer a challenge."""
    detail = "The presentation has no proof: it answers no challenge, and was made for nobody in particular."
    problems = [
        Problem(type_, "The presentation has no proof", detail, "/proof")
        for type_, given in ((INVALID_CHALLENGE_ERROR, options.challenge), (INVALID_DOMAIN_ERROR, options.domain))
        if given is not None
    ]
    if problems:
        return failed("proof", problems, now)
    return skipped("proof", "The presentation has no proof; only the credentials in it are verified.", now)


def _contained_step(inside: tuple[Contained, ...], now: datetime) -> Step:
    """Every credential of a presentation must hold, or the presentation does not (VCALM 1.0, section 3.4.2)."""
    step = contained_step(inside, now)
    broken = [one for one in inside if not one.verification.verified]
    return failed("contained", step.problems, now, step.detail) if broken else step


def _results(proofs: list[dict[str, Any]], step: Step, holder: str | None, options: Options) -> dict[str, Any]:
    """VCALM's `results.presentation`."""
    wrong = {problem["type"] for proof in proofs for problem in proof["problemDetails"]}
    results: dict[str, Any] = {"proof": proofs}
    if options.challenge is not None:
        is_right = bool(proofs) and INVALID_CHALLENGE_ERROR not in wrong
        results["challenge"] = {"verified": is_right, "input": options.challenge}
    if options.domain is not None:
        results["domain"] = {"verified": bool(proofs) and INVALID_DOMAIN_ERROR not in wrong, "input": options.domain}
    if holder is not None:
        results["holder"] = {"verified": step.outcome is not Outcome.FAILED, "input": holder}
    return results


def _summary(
    steps: list[Step], verdict: Verdict, document: Mapping[str, Any] | None, inside: tuple[Contained, ...]
) -> str:
    if not is_verified(steps):
        return summary_of(steps, verdict, what="presentation", whom="")
    holder = (id_of(document.get("holder")) if document is not None else None) or "its holder"
    is_unsigned = any(step.name == "proof" and step.outcome is Outcome.SKIPPED for step in steps)
    made = "has no proof, so it does not show who holds it" if is_unsigned else f"was made by {holder}"
    if all(one.verification.verdict is Verdict.VALID for one in inside):
        count = f"the credentials in it are valid ({len(inside)})" if inside else "it holds no credential"
        return f"This presentation {made}; {count}."
    words = ", ".join(sorted({str(one.verification.verdict) for one in inside} - {"valid"}))
    return f"This presentation {made}; not every credential in it is valid: {words}."
