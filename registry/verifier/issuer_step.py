"""Is its issuer registered here, and is the credential?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from registry.domain.names import LogName
from registry.domain.problem import (
    CREDENTIAL_UNREGISTERED,
    INVALID_VERIFICATION_METHOD,
    ISSUER_NOT_ACTIVE,
    Problem,
)
from registry.errors import Unavailable
from registry.verifier.opened import Opened
from registry.verifier.sources import CredentialStanding, IssuerStanding, Sources
from registry.verifier.steps import failed, passed, skipped, warned
from registry.verifier.structure.parties import id_of
from registry.verifier.verdict import AGAINST
from registry.verifier.verification import Step, Verdict

LATE: Final = timedelta(seconds=5)
"""How old what is known of our own credentials may be before it is told as old; usually it is 250 ms."""


async def issuer_steps(
    sources: Sources, log: LogName, taken: Opened, now: datetime, at: datetime | None, *, needs_record: bool
) -> tuple[list[Step], IssuerStanding | None]:
    """Return the steps `issuer` and `registration`, and the issuer if it is registered here.

    An unknown issuer is said and no fault. What the registry itself knows of the credential (*log* is asked) counts,
    for the past moment *at* what it knew then. One that *needs_record* must be the very one that was
    issued here: its key was in wrong hands later.
    """
    document = taken.document
    did = id_of(document.get("issuer")) or ""
    try:
        issuer = await sources.issuer_of(log, did)
        if issuer is None:
            detail = "The issuer is not registered here; whether to trust it is yours to decide."
            return [*_unrecorded(needs_record, detail, now), skipped("issuer", detail, now)], None
        steps = [_issuer(issuer, now)]
        identifier = document.get("id")
        found = await sources.standing_of(log, identifier, did, at) if isinstance(identifier, str) else None
    except Unavailable as error:
        detail = f"The directory of issuers could not be asked: {error.detail}"
        return [*_unrecorded(needs_record, detail, now), skipped("issuer", detail, now)], None
    if needs_record and (found is None or found.digest_sha256 != taken.digest_sha256()):
        detail = "Its key was compromised later, and this is not what was issued here; present it as it was issued."
        steps += _unrecorded(needs_record, detail, now)
    elif isinstance(identifier, str):
        until = sources.recorded_until(log)
        is_late = (at or now) - until > LATE
        steps.append(_as_recorded_until(found, until) if is_late else _registration(found, now))
    return steps, issuer


def _unrecorded(needs_record: bool, detail: str, now: datetime) -> list[Step]:
    """The step that ends the trust in a signature that only a record of ours could confirm."""
    if not needs_record:
        return []
    problem = Problem(INVALID_VERIFICATION_METHOD, "The key was compromised", detail, "/proof")
    return [failed("registration", [problem], now)]


def _issuer(issuer: IssuerStanding, now: datetime) -> Step:
    if issuer.status == "active":
        return passed("issuer", f"The issuer is registered here as {issuer.name}, and active.", now)
    detail = f"The issuer, registered here as {issuer.name}, is {issuer.status} since {issuer.since:%Y-%m-%d}."
    problem = Problem(ISSUER_NOT_ACTIVE, "The issuer may not issue any more", detail, "/issuer")
    return warned("issuer", detail, now, problems=[problem])


def _as_recorded_until(found: CredentialStanding | None, until: datetime) -> Step:
    """What was recorded *until* then; what came after it is not known yet, and may be anything."""
    told = "was not registered" if found is None else f"was {found.status}"
    detail = (
        f"What was recorded here after {until:%Y-%m-%dT%H:%M:%SZ} cannot be read yet; up to then the credential "
        f"{told}. Verify it again in a moment."
    )
    verdict = None if found is None else _against(found)
    if verdict is None:
        return warned("registration", detail, until)
    type_, title = AGAINST[verdict]
    return warned("registration", detail, until, problems=[Problem(type_, title, detail, "/id")], verdict=verdict)


def _registration(found: CredentialStanding | None, now: datetime) -> Step:
    if found is None:
        detail = "The issuer is registered here, but this credential is not; ask the issuer whether it is theirs."
        problem = Problem(CREDENTIAL_UNREGISTERED, "The credential is not registered", detail, "/id")
        return warned("registration", detail, now, problems=[problem])
    verdict = _against(found)
    if verdict is None:
        return passed("registration", f"The credential is registered here, and {found.status}.", now, Verdict.VALID)
    type_, title = AGAINST[verdict]
    detail = f"The registry knows the credential as {found.status} since {found.since:%Y-%m-%dT%H:%M:%SZ}."
    return warned("registration", detail, now, problems=[Problem(type_, title, detail, "/id")], verdict=verdict)


def _against(found: CredentialStanding) -> Verdict | None:
    return next((one for one in AGAINST if one == found.status), None)
