"""Is it revoked or suspended? One finding per entry of `credentialStatus`, from our own lists or from others'."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from registry.domain.problem import MALFORMED_VALUE_ERROR, Problem
from registry.verifier.own_status import own_status
from registry.verifier.sources import Sources
from registry.verifier.steps import passed, skipped, warned
from registry.verifier.structure.parties import id_of
from registry.verifier.structure.path import ROOT, Path, each, pointer
from registry.verifier.verdict import AGAINST, worst
from registry.verifier.verification import StatusFinding, Step, Verdict

MAX_ENTRIES: Final = 16
"""Entries of one credential that are asked for; each may be a fetch."""


async def status_step(
    sources: Sources, document: Mapping[str, Any], now: datetime, at: datetime | None
) -> tuple[Step, list[dict[str, Any]]]:
    """Return the step, and what VCALM's `results.credentialStatus` says of each entry."""
    entries = _entries(document)
    if not entries:
        return skipped("status", "The credential names no status list; its issuer cannot take it back.", now), []
    if len(entries) > MAX_ENTRIES:
        detail = f"The credential has more than {MAX_ENTRIES} status entries, which are not looked up."
        problem = Problem(MALFORMED_VALUE_ERROR, "Too many status entries", detail, "/credentialStatus")
        return warned("status", detail, now, problems=[problem], verdict=Verdict.UNVERIFIABLE), []
    issuer = id_of(document.get("issuer")) or ""
    identifier = document.get("id")
    asked = [_finding(sources, entry, issuer, identifier, now, at) for entry, _ in entries]
    found = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
    problems = list(filter(None, (_problem(one, path) for one, (_, path) in zip(found, entries, strict=True))))
    results = [_result(entry, finding) for finding, (entry, _) in zip(found, entries, strict=True)]
    verdict = worst(finding.verdict for finding in found if finding.verdict is not None)
    checked_at = min(finding.checked_at for finding in found)
    if verdict is Verdict.VALID:
        told = "".join(f" It says: “{one.message}”." for one in found if one.message and one.value)
        detail = f"Nothing is said against the credential in {_lists(found)}.{told}"
        return passed("status", detail, checked_at, verdict), results
    decisive = next(finding for finding in found if finding.verdict is verdict)
    return warned("status", _sentence(decisive), checked_at, problems=problems, verdict=verdict), results


async def _finding(
    sources: Sources, entry: Mapping[str, Any], issuer: str, identifier: str | None, now: datetime, at: datetime | None
) -> StatusFinding:
    ours = await own_status(sources, entry, issuer, now, at)
    if ours is not None:
        return ours
    return await sources.foreign_status(entry, issuer, now, at=at, credential_id=identifier)


def _entries(document: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Path]]:
    """The entries of `credentialStatus`, and the `status` claim of a JWT or CWT: any of them may speak against it."""
    path: Path = (ROOT, "credentialStatus")
    found = [(entry, where) for entry, where in each(document.get("credentialStatus", []), path)]
    claim = document.get("status")
    if isinstance(claim, Mapping) and "status_list" in claim:
        found.append((claim, (ROOT, "status")))
    return found


def _problem(finding: StatusFinding, path: Path) -> Problem | None:
    if finding.problem is not None:
        return replace(finding.problem, pointer=pointer(path))
    if finding.verdict is not None and finding.verdict in AGAINST:
        type_, title = AGAINST[finding.verdict]
        return Problem(type_, title, _sentence(finding), pointer(path))
    return None


def _sentence(finding: StatusFinding) -> str:
    if finding.problem is not None:
        return finding.problem.detail
    said = f"“{finding.message}”" if finding.message else f"{finding.value}, which speaks against it"
    return f"The issuer's {finding.purpose} list says of the credential: {said} ({finding.source})."


def _lists(found: list[StatusFinding]) -> str:
    return ", ".join(sorted({finding.source for finding in found}))


def _result(entry: Mapping[str, Any], finding: StatusFinding) -> dict[str, Any]:
    result: dict[str, Any] = {"verified": finding.verdict in (Verdict.VALID, None), "input": entry}
    if finding.value is not None:
        result["value"] = finding.value
    if finding.message is not None:
        result["message"] = finding.message
    return result
