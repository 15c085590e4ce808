"""The rules applied: a document in, findings out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from registry.errors import Malformed, RegistryError
from registry.verifier.lint.examined import Examined, given
from registry.verifier.lint.party_rules import too_large
from registry.verifier.lint.rule import Finding, Severity, finding
from registry.verifier.lint.table import RULES
from registry.verifier.opened import CREDENTIAL, Opened, Presented, opened
from registry.verifier.structure.path import ROOT, each, pointer

MAX_FINDINGS: Final = 200
MAX_OF_A_RULE: Final = 20
MAX_CONTAINED: Final = 100
"""Credentials inside a presentation or a learner record that are looked at."""

_WEIGHTS: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}

CanonicalOf = Callable[[dict[str, Any]], Awaitable[str]]
"""A document → its canonical N-Quads; raises `Malformed` errors."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found."""

    findings: tuple[Finding, ...]
    """The worst first, then in the order of the rules."""

    def count(self, severity: Severity) -> int:
        """How many findings are of *severity*."""
        return sum(one.severity is severity for one in self.findings)

    def json(self) -> dict[str, Any]:
        """Return it as it goes over the wire."""
        counts = {f"{severity}s": self.count(severity) for severity in Severity}
        return {**counts, "rules": len(RULES), "findings": [one.json() for one in self.findings]}


def lint(examined: Examined) -> Report:
    """Return what will go wrong with a document, and with the credentials inside it."""
    if examined.is_too_large:
        return Report(tuple(finding(too_large, trip, "") for trip in too_large.check(examined)))
    found = list(_found(examined, ""))
    for credential, where in _contained(examined.document):
        found += _found(replace(examined, document=credential, refusal=None), where)
    found.sort(key=lambda one: _WEIGHTS[one.severity])
    return Report(tuple(found[:MAX_FINDINGS]))


def _found(examined: Examined, within: str) -> Iterator[Finding]:
    if "VerifiablePresentation" in examined.types:
        return
    for rule in RULES:
        for trip in islice(rule.check(examined), MAX_OF_A_RULE):
            yield finding(rule, trip, within)


def _contained(document: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    """Return the credentials inside a presentation or a comprehensive learner record, each with its pointer."""
    found: list[tuple[Mapping[str, Any], str]] = []
    subjects = [(document, ROOT), *each(document.get("credentialSubject"), (ROOT, "credentialSubject"))]
    for holder, path in subjects:
        if isinstance(holder, Mapping):
            inside = each(holder.get("verifiableCredential"), (path, "verifiableCredential"))
            found += [(item, pointer(where)) for item, where in inside if isinstance(item, Mapping)]
    return found[:MAX_CONTAINED]


async def lint_presented(
    presented: Presented, lists: Sequence[Presented] = (), *, canonical_of: CanonicalOf, now: datetime
) -> Report:
    """Return what will go wrong with a credential, taken out of its envelope, also with what JSON-LD would drop.

    Raises `Malformed` for what cannot be read, and `Unavailable` as *canonical_of* does.
    """
    found = await asyncio.to_thread(_opened, presented)
    # in an envelope, `status` is a claim about the token (Token Status List, section 6), which no context defines
    beside = {"proof"} if found.envelope is None else {"proof", "status"}
    unsigned = {name: value for name, value in found.document.items() if name not in beside}
    refusal: RegistryError | None = None
    try:
        await canonical_of(unsigned)
    except Malformed as error:
        refusal = error
    documents = [(await asyncio.to_thread(_opened, one)).document for one in lists]
    mechanism = found.envelope.mechanism if found.envelope is not None else None

    def applied() -> Report:
        return lint(Examined(found.document, now, given(documents), refusal, mechanism))

    return await asyncio.to_thread(applied)  # inflating lists and walking through documents takes its time


def _opened(presented: Presented) -> Opened:
    found = opened(presented, CREDENTIAL)
    if isinstance(found, Opened):
        return found
    raise Malformed(found[0].detail, pointer=found[0].pointer)
