"""One credential while it is being verified: the steps it is taken through, and what was found so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.domain.names import LogName
from registry.securing.verification_method import ASSERTION
from registry.verifier.badge_step import badge_step, recipient_step
from registry.verifier.beside import Walks
from registry.verifier.contained import contained_in
from registry.verifier.context_step import context_step
from registry.verifier.issuer_step import issuer_steps
from registry.verifier.opened import CREDENTIAL, Opened
from registry.verifier.options import Options
from registry.verifier.proof_step import Expected, proof_step
from registry.verifier.sources import IssuerStanding, Sources
from registry.verifier.status_step import status_step
from registry.verifier.steps import skipped, structure_step
from registry.verifier.structure.check import check_credential
from registry.verifier.structure.parties import id_of
from registry.verifier.validity_step import validity_step
from registry.verifier.verdict import is_verified
from registry.verifier.verification import Step


class Examination:
    """A credential, out of its envelope; `GROUPS` names the groups of steps, in the order they are taken."""

    GROUPS: Final = ("structure", "contexts", "proof", "validity", "badge", "status", "issuer")

    def __init__(self, sources: Sources, log: LogName, taken: Opened, options: Options) -> None:
        self._sources = sources
        self._log = log
        self._taken = taken
        self._options = options
        self._walk = Walks(taken.document)
        self._needs_record = False
        self.document: Mapping[str, Any] = taken.document
        self.moment = options.at or sources.clock()
        self.steps: list[Step] = []
        self.results: dict[str, Any] = {}
        self.issuer: IssuerStanding | None = None
        self.holds = True
        """Whether no step failed so far."""

    async def take(self, group: str) -> None:
        """Take a group of steps."""
        known = len(self.steps)
        await getattr(self, f"_{group}")()
        self.holds = is_verified(self.steps[known:])

    async def contained(self) -> list[tuple[Any, str]]:
        """Return the credentials inside, each with its JSON pointer."""
        return await self._walk(lambda: list(contained_in(self.document)))

    async def _structure(self) -> None:
        problems = await self._walk(lambda: check_credential(self.document))
        self.steps.append(structure_step(problems, self._sources.clock()))

    async def _contexts(self) -> None:
        now, is_enveloped = self._sources.clock(), self._taken.envelope is not None
        content_of = self._sources.context_of
        step = await self._walk(lambda: context_step(self.document, content_of, now, is_enveloped=is_enveloped))
        self.steps.append(step)

    async def _proof(self) -> None:
        expected = Expected(id_of(self.document.get("issuer")), ASSERTION, self.moment)
        proven = await proof_step(self._sources, self._taken, CREDENTIAL, expected)
        self.steps.append(proven.step)
        self.results["proof"] = proven.results
        self._needs_record = proven.needs_record

    async def _validity(self) -> None:
        now = self._sources.clock()
        step, results = validity_step(self.document, self.moment, now)
        self.steps.append(step)
        self.results.update(results)
        if "credentialSchema" in self.document:
            self.steps.append(skipped("schema", "The schemas that it names are not looked at.", now))

    async def _badge(self) -> None:
        now = self._sources.clock()
        if (step := await self._walk(lambda: badge_step(self.document, now))) is not None:
            self.steps.append(step)
        if self._options.identifier is not None:
            self.steps.append(recipient_step(self.document, self._options.identifier, now))

    async def _status(self) -> None:
        step, results = await status_step(self._sources, self.document, self._sources.clock(), self._options.at)
        self.steps.append(step)
        if results:
            self.results["credentialStatus"] = results

    async def _issuer(self) -> None:
        now, at = self._sources.clock(), self._options.at
        steps, self.issuer = await issuer_steps(
            self._sources, self._log, self._taken, now, at, needs_record=self._needs_record
        )
        self.steps += steps
