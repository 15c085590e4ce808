"""Where a credential stands whose status list is somebody else's (Bitstring Status List 1.0, section 3.2).

What cannot be had, or does not prove what it should, is a finding `unverifiable`; it is never silence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from registry.domain import problem
from registry.domain.problem import Problem
from registry.errors import Malformed, RegistryError, RemoteRefused, Unavailable, UnknownVerificationMethod
from registry.verifier.cache import bare
from registry.verifier.list_signatures import SKEW
from registry.verifier.proven_lists import ProvenLists
from registry.verifier.remote_lists import RemoteList, unusable
from registry.verifier.resolver import vouches
from registry.verifier.status_entry import Entry, Kind, entry_of
from registry.verifier.verification import StatusFinding, Verdict

_TITLES: Final[Mapping[str, str]] = {
    problem.STATUS_RETRIEVAL_ERROR: "The status list cannot be had",
    problem.STATUS_VERIFICATION_ERROR: "The status list proves nothing",
    problem.STATUS_LIST_LENGTH_ERROR: "The status list is too short",
    problem.RANGE_ERROR: "The status list has no such entry",
    problem.MALFORMED_VALUE_ERROR: "The status entry or its list is malformed",
}
_WHEN_SET: Final[Mapping[str, Verdict]] = {
    "revocation": Verdict.REVOKED,
    "suspension": Verdict.SUSPENDED,
    "refresh": Verdict.SUPERSEDED,
}
_TOKEN_VALUES: Final = {0: Verdict.VALID, 1: Verdict.REVOKED, 2: Verdict.SUSPENDED}
"""IETF Token Status List, section 7.1."""


def verdict_of(purpose: str, value: int) -> Verdict | None:
    """Return the word for *value* in a list of *purpose*; None for purposes that judge nothing, such as `message`."""
    if purpose == "token":
        return _TOKEN_VALUES.get(value, Verdict.UNVERIFIABLE)
    if purpose not in _WHEN_SET:
        return None
    return _WHEN_SET[purpose] if value else Verdict.VALID


class ForeignLists:
    """Reads the status of credentials from the lists of others."""

    def __init__(self, lists: ProvenLists, resolve: Callable[[str], Awaitable[Mapping[str, Any]]]) -> None:
        self._lists = lists
        self._resolve = resolve

    async def status_of_entry(
        self,
        entry: Mapping[str, Any],
        issuer: str,
        now: datetime,
        *,
        at: datetime | None = None,
        credential_id: str | None = None,
    ) -> StatusFinding:
        """Return where the credential of *issuer* stands by *entry*, for *now* or for the past moment *at*.

        *entry* is a member of `credentialStatus`, or the claim `status` (`{"status_list": …}`) of a JWT or CWT;
        *credential_id* is needed for a 1EdTech list only. Raises nothing of what may go wrong elsewhere.
        """
        try:
            read = entry_of(entry)
        except Malformed as error:
            purpose = entry.get("statusPurpose")
            return _unverifiable(error, purpose if isinstance(purpose, str) else None, "", now)
        list_ = await self._lists.get(read.kind, read.url, at)
        try:
            if isinstance(list_.found, RegistryError):
                raise bare(list_.found)
            await self._require_its_issuers(list_.found, issuer)
            _require_fit(list_.found, read, at or now)
            if read.kind is Kind.REVOCATION_LIST:
                return _named(list_.found, read, credential_id, list_.at)
            return _found(read, list_.found.value_at(read), list_.at)
        except (Malformed, UnknownVerificationMethod, Unavailable) as error:
            return _unverifiable(error, read.purpose, read.url, list_.at)

    async def _require_its_issuers(self, found: RemoteList, issuer: str) -> None:
        """Raise `Malformed` for a list of another issuer, unless the credential's issuer vouches for the list's key."""
        if found.issuer == issuer or (found.issuer is None and found.kind is Kind.REVOCATION_LIST):
            return
        if not found.methods or not vouches(await self._resolve(issuer), found.methods):
            raise unusable(f"The list is another issuer's ({str(found.issuer)[:200]}), not of the one who issued this.")


def _require_fit(found: RemoteList, entry: Entry, moment: datetime) -> None:
    """Raise `Malformed` for a list that is not of the entry's purpose, or does not speak of *moment*."""
    if entry.purpose not in found.purposes:
        said = ", ".join(sorted(found.purposes))[:200]
        raise unusable(f"The list is for {said}, but the credential names it for {entry.purpose[:80]}.")
    skew = SKEW if found.kind is Kind.TOKEN else timedelta(0)
    if found.valid_from is not None and moment + skew < found.valid_from:
        raise unusable(f"The list is valid only from {found.valid_from.isoformat()}.")
    if found.valid_until is not None and found.valid_until <= moment:
        raise unusable(f"The list was valid until {found.valid_until.isoformat()}.")


def _named(found: RemoteList, entry: Entry, credential_id: str | None, at: datetime) -> StatusFinding:
    """The finding of a list that names what is revoked."""
    if credential_id is None:
        raise unusable("The credential has no id by which a revocation list could name it.")
    reason = found.revoked.get(credential_id)
    is_revoked = reason is not None
    verdict = Verdict.REVOKED if is_revoked else Verdict.VALID
    return StatusFinding(entry.purpose, int(is_revoked), reason or None, verdict, None, entry.url, at)


def _found(entry: Entry, value: int, at: datetime) -> StatusFinding:
    verdict = verdict_of(entry.purpose, value)
    if verdict is Verdict.UNVERIFIABLE:
        raise unusable(f"The list says {value:#x}, which means what its issuer says it means; ask there.")
    message = entry.messages.get(value) if entry.messages else None
    return StatusFinding(entry.purpose, value, message, verdict, None, entry.url, at)


def _unverifiable(error: RegistryError, purpose: str | None, source: str, at: datetime) -> StatusFinding:
    """The finding for whatever went wrong, by the specification's error type."""
    if isinstance(error, RemoteRefused | Unavailable):
        type_ = problem.STATUS_RETRIEVAL_ERROR
    else:
        type_ = str(error.extra.get("problem_type", problem.STATUS_VERIFICATION_ERROR))
    found = Problem(type_, _TITLES[type_], error.detail)
    return StatusFinding(purpose, None, None, Verdict.UNVERIFIABLE, found, source, at)
