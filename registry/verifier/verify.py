"""Verifies credentials: a document that somebody presents in, a verdict out.

The steps, in their order: structure → contexts → proof → validity → badge, recipient → status → issuer, registration,
and the credentials inside. After a step that failed the next ones are skipped: nothing is fetched, and nobody is asked,
on behalf of a document whose author is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from registry.domain.names import LogName
from registry.domain.problem import CONTAINED_DOES_NOT_HOLD, Problem
from registry.verifier.beside import Walks
from registry.verifier.contained import MAX_CONTAINED, MAX_DEPTH
from registry.verifier.examination import Examination
from registry.verifier.opened import CREDENTIAL, Opened, Presented, envelope_of, opened
from registry.verifier.options import Options
from registry.verifier.sources import Sources
from registry.verifier.steps import failed, skipped
from registry.verifier.structure.check import unreadable
from registry.verifier.structure.parties import id_of
from registry.verifier.verdict import contained_step, summary_of, verdict_of
from registry.verifier.verification import Contained, Verdict, Verification

Observe = Callable[[str, float], None]
"""(group of steps, seconds)"""


@dataclass(slots=True)
class Budget:
    """How many contained credentials one request may still have verified."""

    left: int = MAX_CONTAINED


class CredentialVerifier:
    """Verifies credentials; raises nothing that is the document's fault, but `Unavailable` when it cannot now."""

    def __init__(self, sources: Sources, observe: Observe = lambda _group, _seconds: None) -> None:
        self._sources = sources
        self._observe = observe

    async def verify(
        self, log: LogName, presented: Presented, options: Options, budget: Budget | None = None, depth: int = 1
    ) -> Verification:
        """Return what the credential *presented* is worth, for the registry of *log*."""
        taken = await Walks(envelope_of(presented))(lambda: opened(presented, CREDENTIAL))
        if not isinstance(taken, Opened):
            return self._refused(taken, options)
        found = Examination(self._sources, log, taken, options)
        for group in found.GROUPS:
            began = perf_counter()
            await found.take(group)
            self._observe(group, perf_counter() - began)
            if not found.holds:
                found.steps.append(skipped("rest", "What comes after was not looked at.", self._sources.clock()))
                return _concluded(found, ())
        inside = await self.verify_inside(log, await found.contained(), options, budget or Budget(), depth)
        if inside:
            found.steps.append(contained_step(inside, self._sources.clock()))
        return _concluded(found, inside)

    async def verify_inside(
        self, log: LogName, inside: list[tuple[Any, str]], options: Options, budget: Budget, depth: int
    ) -> tuple[Contained, ...]:
        """Verify what is *inside* a document, with where it lies, each by itself."""
        inner = Options(at=options.at)
        found = [(pointer, await self.verify_inner(log, one, inner, budget, depth + 1)) for one, pointer in inside]
        return tuple(Contained(pointer, verification) for pointer, verification in found)

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
            return self._refused([Problem(CONTAINED_DOES_NOT_HOLD, "Not looked at", detail, "")], options)
        if not isinstance(presented, (Mapping, str)):
            return self._refused([unreadable("A credential is a JSON object, or a JWT.")], options)
        return await self.verify(log, presented, options, budget, depth)

    def _refused(self, problems: list[Problem], options: Options) -> Verification:
        """Return the verification of what could not be read."""
        now = self._sources.clock()
        steps = (failed("structure", problems, now),)
        summary = summary_of(steps, Verdict.UNVERIFIABLE, what="credential", whom="")
        return Verification(Verdict.UNVERIFIABLE, False, summary, steps, None, options.at or now)


def _concluded(found: Examination, inside: tuple[Contained, ...]) -> Verification:
    verdict = verdict_of(found.steps)
    return Verification(
        verdict=verdict,
        verified=found.holds,
        summary=summary_of(found.steps, verdict, what="credential", whom=_whom(found)),
        steps=tuple(found.steps),
        document=found.document,
        verified_at=found.moment,
        results=found.results,
        contained=inside,
    )


def _whom(found: Examination) -> str:
    """How a person calls the issuer: by its name in the registry, else by its id."""
    if found.issuer is not None:
        return found.issuer.name
    return id_of(found.document.get("issuer")) or "somebody unknown"
