"""The verifier: a credential that somebody presents in, a verdict out.

The steps, in their order: structure → contexts → proof → validity → status → issuer → registration, then badge and
recipient where they apply, and the credentials inside. After a step that failed the next ones are skipped: nothing is
fetched, and nobody is asked, on behalf of a document whose author is not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from registry.domain.names import LogName
from registry.domain.problem import CONTAINED_DOES_NOT_HOLD, Problem
from registry.verifier.badge_step import badge_step, recipient_step
from registry.verifier.beside import beside
from registry.verifier.contained import MAX_CONTAINED, MAX_DEPTH, contained_in
from registry.verifier.context_step import context_step
from registry.verifier.issuer_step import issuer_steps
from registry.verifier.opened import CREDENTIAL, Opened, Presented, envelope_of, opened
from registry.verifier.options import Options
from registry.verifier.proof_step import Expected, proof_step
from registry.verifier.sources import IssuerStanding, Sources
from registry.verifier.status_step import status_step
from registry.verifier.steps import failed, passed, skipped, warned
from registry.verifier.structure.check import check_credential, unreadable
from registry.verifier.structure.parties import id_of
from registry.verifier.validity_step import validity_step
from registry.verifier.verdict import is_verified, summary_of, verdict_of
from registry.verifier.verification import Contained, Step, Verdict, Verification

Observe = Callable[[str, float], None]
"""(step group, seconds)"""

ASSERTION: Final = "assertionMethod"


@dataclass(slots=True)
class Budget:
    """How many contained credentials one request may still have verified."""

    left: int = MAX_CONTAINED


@dataclass(slots=True)
class _Findings:
    """What is known of a credential so far."""

    steps: list[Step] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    issuer: IssuerStanding | None = None
    needs_record: bool = False

    @property
    def holds(self) -> bool:
        return is_verified(self.steps)


class CredentialVerifier:
    """Verifies credentials; raises nothing that is the document's fault, but `Unavailable` when it cannot now."""

    def __init__(self, sources: Sources, observe: Observe = lambda _step, _seconds: None) -> None:
        self._sources = sources
        self._observe = observe

    async def verify(
        self, log: LogName, presented: Presented, options: Options, budget: Budget | None = None, depth: int = 1
    ) -> Verification:
        """Return what the credential *presented* is worth, for the registry of *log*."""
        taken = await beside(envelope_of(presented), lambda: opened(presented, CREDENTIAL))
        if not isinstance(taken, Opened):
            return self.refused(taken, options)
        return await self.verify_opened(log, taken, options, budget or Budget(), depth)

    def refused(self, problems: list[Problem], options: Options) -> Verification:
        """Return the verification of what could not be read."""
        now = self._sources.clock()
        return self._concluded(_Findings([failed("structure", problems, now)]), None, options.at or now, ())

    async def verify_opened(
        self, log: LogName, taken: Opened, options: Options, budget: Budget, depth: int
    ) -> Verification:
        """Verify a credential that was taken out of its envelope already."""
        now = self._sources.clock()
        moment = options.at or now
        found = _Findings()
        for name, step in self._steps(log, taken, options, moment):
            began = asyncio.get_running_loop().time()
            await step(found)
            self._observe(name, asyncio.get_running_loop().time() - began)
            if not found.holds:
                found.steps.append(skipped("rest", "The steps after this one were not taken.", now))
                break
        inside: tuple[Contained, ...] = ()
        if found.holds:
            credentials = await beside(taken.document, lambda: list(contained_in(taken.document)))
            inside = await self._contained(log, credentials, options, budget, depth, found)
        return self._concluded(found, taken.document, moment, inside)

    def _steps(
        self, log: LogName, taken: Opened, options: Options, moment: datetime
    ) -> list[tuple[str, Callable[[_Findings], Awaitable[None]]]]:
        """The groups of steps, each of which adds to the findings."""
        sources, document = self._sources, taken.document

        async def structure(found: _Findings) -> None:
            problems = await beside(document, lambda: check_credential(document))
            now = sources.clock()
            found.steps.append(failed("structure", problems, now) if problems else passed("structure", _CONFORMS, now))

        async def contexts(found: _Findings) -> None:
            is_enveloped = taken.envelope is not None
            now = sources.clock()
            step = await beside(
                document, lambda: context_step(document, sources.context_of, now, is_enveloped=is_enveloped)
            )
            found.steps.append(step)

        async def proof(found: _Findings) -> None:
            expected = Expected(id_of(document.get("issuer")), ASSERTION, moment)
            proven = await proof_step(sources, taken, CREDENTIAL, expected)
            found.steps.append(proven.step)
            found.results["proof"] = proven.results
            found.needs_record = proven.needs_record

        async def validity(found: _Findings) -> None:
            step, results = validity_step(document, moment, sources.clock())
            found.steps.append(step)
            found.results.update(results)
            if "credentialSchema" in document:
                found.steps.append(skipped("schema", "The schemas that it names are not looked at.", sources.clock()))

        async def status(found: _Findings) -> None:
            step, results = await status_step(sources, document, sources.clock(), options.at)
            found.steps.append(step)
            if results:
                found.results["credentialStatus"] = results

        async def issuer(found: _Findings) -> None:
            steps, found.issuer = await issuer_steps(
                sources, log, taken, sources.clock(), options.at, needs_record=found.needs_record
            )
            found.steps += steps

        async def badge(found: _Findings) -> None:
            if (step := await beside(document, lambda: badge_step(document, sources.clock()))) is not None:
                found.steps.append(step)
            if options.identifier is not None:
                found.steps.append(recipient_step(document, options.identifier, sources.clock()))

        named = (structure, contexts, proof, validity, badge, status, issuer)
        return [(step.__name__, step) for step in named]

    async def _contained(
        self,
        log: LogName,
        inside: list[tuple[Any, str]],
        options: Options,
        budget: Budget,
        depth: int,
        found: _Findings,
    ) -> tuple[Contained, ...]:
        """Verify the credentials inside, each by itself, and tell how many hold."""
        if not inside:
            return ()
        inner = Options(at=options.at)
        verified = [Contained(at, await self.verify_inner(log, one, inner, budget, depth + 1)) for one, at in inside]
        found.steps.append(contained_step(verified, self._sources.clock()))
        return tuple(verified)

    async def verify_inner(
        self, log: LogName, presented: Any, options: Options, budget: Budget, depth: int
    ) -> Verification:
        """Verify a credential inside another document, as far as depth and budget allow."""
        budget.left -= 1
        if budget.left < 0 or depth > MAX_DEPTH:
            detail = (
                f"At most {MAX_CONTAINED} contained credentials, {MAX_DEPTH} deep, are verified at once; "
                "present this one by itself."
            )
            return self.refused([Problem(CONTAINED_DOES_NOT_HOLD, "Not looked at", detail, "")], options)
        if not isinstance(presented, (Mapping, str)):
            return self.refused([unreadable("A credential is a JSON object, or a JWT.")], options)
        return await self.verify(log, presented, options, budget, depth)

    def _concluded(
        self,
        found: _Findings,
        document: Mapping[str, Any] | None,
        moment: datetime,
        inside: tuple[Contained, ...],
    ) -> Verification:
        verdict = verdict_of(found.steps)
        return Verification(
            verdict=verdict,
            verified=is_verified(found.steps),
            summary=summary_of(found.steps, verdict, what="credential", whom=_whom(document, found.issuer)),
            steps=tuple(found.steps),
            document=document,
            verified_at=moment,
            results=found.results,
            contained=inside,
        )


_CONFORMS: Final = "It conforms to the data model."


def contained_step(verified: list[Contained], now: datetime) -> Step:
    """Return the step `contained`: how many of the credentials inside are valid; none speaks for the whole."""
    wanting = [one for one in verified if one.verification.verdict is not Verdict.VALID]
    if not wanting:
        return passed("contained", f"All {len(verified)} credentials inside are valid.", now)
    detail = f"Of {len(verified)} credentials inside, {len(wanting)} are not valid; each has a verdict of its own."
    problems = [
        Problem(CONTAINED_DOES_NOT_HOLD, "A contained credential is not valid", one.verification.summary, one.pointer)
        for one in wanting
    ]
    return warned("contained", detail, now, problems=problems)


def _whom(document: Mapping[str, Any] | None, issuer: IssuerStanding | None) -> str:
    """How a person calls the issuer: by its name in the registry, else by its id."""
    if issuer is not None:
        return issuer.name
    return (id_of(document.get("issuer")) if document is not None else None) or "somebody unknown"
