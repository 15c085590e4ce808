"""Is its issuer registered here, and is the credential?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from registry.domain.names import LogName
from registry.domain.problem import (
    CREDENTIAL_REVOKED,
    CREDENTIAL_SUPERSEDED,
    CREDENTIAL_SUSPENDED,
    CREDENTIAL_UNREGISTERED,
    ISSUER_NOT_ACTIVE,
    Problem,
)
from registry.errors import Unavailable
from registry.verifier.sources import IssuerStanding, Sources
from registry.verifier.steps import passed, skipped, warned
from registry.verifier.structure.parties import id_of
from registry.verifier.verification import Step, Verdict

_SAID: Final = {
    "revoked": (Verdict.REVOKED, CREDENTIAL_REVOKED, "The credential is revoked"),
    "suspended": (Verdict.SUSPENDED, CREDENTIAL_SUSPENDED, "The credential is suspended"),
    "superseded": (Verdict.SUPERSEDED, CREDENTIAL_SUPERSEDED, "The credential was replaced"),
}


async def issuer_steps(
    sources: Sources, log: LogName, document: Mapping[str, Any], now: datetime, at: datetime | None
) -> tuple[list[Step], IssuerStanding | None]:
    """Return the steps `issuer` and `registration`, and the issuer if it is registered here.

    An unknown issuer is said and no fault. What the registry itself knows of the credential (*log* is asked) counts,
    unless a past moment is asked for, of which it says nothing.
    """
    did = id_of(document.get("issuer")) or ""
    try:
        issuer = await sources.issuer_of(log, did)
        if issuer is None:
            detail = "The issuer is not registered here; whether to trust it is yours to decide."
            return [skipped("issuer", detail, now)], None
        steps = [_issuer(issuer, now)]
        if isinstance(identifier := document.get("id"), str) and at is None:
            steps.append(await _registration(sources, log, identifier, did, now))
    except Unavailable as error:
        return [skipped("issuer", f"The directory of issuers could not be asked: {error.detail}", now)], None
    return steps, issuer


def _issuer(issuer: IssuerStanding, now: datetime) -> Step:
    if issuer.status == "active":
        return passed("issuer", f"The issuer is registered here as {issuer.name}, and active.", now)
    detail = f"The issuer, registered here as {issuer.name}, is {issuer.status} since {issuer.since:%Y-%m-%d}."
    problem = Problem(ISSUER_NOT_ACTIVE, "The issuer may not issue any more", detail, "/issuer")
    return warned("issuer", detail, now, problems=[problem])


async def _registration(sources: Sources, log: LogName, identifier: str, did: str, now: datetime) -> Step:
    found = await sources.standing_of(log, identifier, did)
    if found is None:
        detail = "The issuer is registered here, but this credential is not; ask the issuer whether it is theirs."
        problem = Problem(CREDENTIAL_UNREGISTERED, "The credential is not registered", detail, "/id")
        return warned("registration", detail, now, problems=[problem])
    if found.status not in _SAID:
        return passed("registration", f"The credential is registered here, and {found.status}.", now, Verdict.VALID)
    verdict, type_, title = _SAID[found.status]
    detail = f"The registry knows the credential as {found.status} since {found.since:%Y-%m-%dT%H:%M:%SZ}."
    return warned("registration", detail, now, problems=[Problem(type_, title, detail, "/id")], verdict=verdict)
