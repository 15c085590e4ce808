"""The verifier as the door uses it: bounded in time and number, and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from registry.domain.names import LogName
from registry.errors import Unavailable
from registry.verifier.allowance import allowance
from registry.verifier.opened import Presented
from registry.verifier.options import Options
from registry.verifier.presentation import PresentationVerifier
from registry.verifier.sources import Sources
from registry.verifier.turns import Turns
from registry.verifier.verification import Verification
from registry.verifier.verify import CredentialVerifier, Observe


@dataclass(frozen=True, slots=True)
class VerifierLimits:
    """What verifying may cost, all of it and one caller's."""

    time_s: float = 20
    """One request, its fetches included."""
    fetches: int = 64
    """From elsewhere, for one request."""
    at_once: int = 16
    per_caller: int = 2
    waiting: int = 256


class Verifier:
    """Verifies what anybody presents.

    *observe* is told the seconds of each group of steps, *count* the verification of each request. Raises nothing
    that is the document's fault; `Unavailable` when there is too much to do, or time is up.
    """

    def __init__(
        self,
        sources: Sources,
        limits: VerifierLimits | None = None,
        *,
        observe: Observe = lambda _step, _seconds: None,
        count: Callable[[Verification], None] = lambda _verification: None,
    ) -> None:
        self._limits = limits or VerifierLimits()
        self._turns = Turns(
            at_once=self._limits.at_once, per_caller=self._limits.per_caller, waiting=self._limits.waiting
        )
        self._credentials = CredentialVerifier(sources, observe)
        self._presentations = PresentationVerifier(sources, self._credentials)
        self._count = count

    async def credential(self, log: LogName, presented: Presented, options: Options, *, caller: str) -> Verification:
        """Return what a credential is worth for the registry of *log*; *caller* is whose turn it takes."""
        async with self.turn(caller):
            verification = await self._credentials.verify(log, presented, options)
        self._count(verification)
        return verification

    async def presentation(
        self, log: LogName, presented: Presented, options: Options, *, caller: str, is_proof_needed: bool = True
    ) -> Verification:
        """Return what a presentation is worth; without *is_proof_needed*, one without a proof is taken as it is."""
        async with self.turn(caller):
            verification = await self._presentations.verify(log, presented, options, is_proof_needed=is_proof_needed)
        self._count(verification)
        return verification

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for the turn of *caller*, for this or what is as much work; raise `Unavailable` as the others do."""
        try:
            async with self._turns.turn(caller), asyncio.timeout(self._limits.time_s):
                with allowance(self._limits.fetches):
                    yield
        except TimeoutError as error:
            raise Unavailable(
                f"The verification was not done within {self._limits.time_s:g} s; repeat it, or present fewer"
                " credentials at once."
            ) from error
