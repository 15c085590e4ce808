"""What a verification comes to: a verdict, and the steps that led to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from registry.domain.problem import Problem


class Verdict(StrEnum):
    """The word that a person acts on."""

    VALID = "valid"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    UNVERIFIABLE = "unverifiable"
    """Something that must be known for any other word cannot be: the signature, the key, a status list."""


class Outcome(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    WARNED = "warned"
    """The document is what its issuer signed, but does not count as valid (now), or a person should know this."""
    FAILED = "failed"
    """The document is malformed or badly signed: `verified` is false."""
    SKIPPED = "skipped"
    """An earlier step failed, or there was nothing to check."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked."""

    name: str
    """`structure`, `proof`, `validity`, `status`, `issuer`, … (see DESIGN.md)."""
    outcome: Outcome
    detail: str
    """What was checked and found, as a sentence."""
    checked_at: datetime
    problems: tuple[Problem, ...] = ()
    verdict: Verdict | None = None
    """What the whole can be at best after this step; None: the step has no say."""


@dataclass(frozen=True, slots=True)
class StatusFinding:
    """Where one entry of `credentialStatus` stands; either `value` is there, or `problem` is."""

    purpose: str | None
    value: int | None
    """Of the entry in its list; 0: nothing is said against the credential."""
    message: str | None
    """What the value means, in the issuer's words, or ours."""
    verdict: Verdict | None
    """VALID, REVOKED, SUSPENDED, SUPERSEDED; UNVERIFIABLE with a `problem`; None for purposes that judge nothing."""
    problem: Problem | None
    source: str
    """Where it was read: the URL of the list."""
    checked_at: datetime
    """When the list was read; what comes from a cache is as old as the cache's copy."""


@dataclass(frozen=True, slots=True)
class Verification:
    """A document, verified."""

    verdict: Verdict
    verified: bool
    """Whether it is well formed and well signed; whatever the verdict is beyond that (VCALM 1.0, section 3.8.1)."""
    summary: str
    """The verdict as a sentence for a person."""
    steps: tuple[Step, ...]
    document: Mapping[str, Any] | None
    """What was verified, taken out of its envelope; None when it could not be read."""
    verified_at: datetime
    """The moment it was verified for."""
    results: Mapping[str, Any] = field(default_factory=dict)
    """Per member of the document (VCALM 1.0, section 3.4.1)."""
    contained: tuple[Contained, ...] = ()
    """The credentials inside, each with a verdict of its own."""

    @property
    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with the document itself, step by step."""
        for step in self.steps:
            yield from step.problems


@dataclass(frozen=True, slots=True)
class Contained:
    """A credential inside another document."""

    pointer: str
    """Where (JSON pointer)."""
    verification: Verification
