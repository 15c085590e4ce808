"""Where a credential stands according to a list that is published here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from registry.domain.problem import (
    MALFORMED_VALUE_ERROR,
    RANGE_ERROR,
    STATUS_RETRIEVAL_ERROR,
    STATUS_VERIFICATION_ERROR,
    Problem,
)
from registry.errors import Malformed, Refused, Unavailable
from registry.verifier.sources import OwnEntry, Sources
from registry.verifier.status import verdict_of
from registry.verifier.status_entry import entry_of
from registry.verifier.structure.parties import types_of
from registry.verifier.structure.status_entry import BITSTRING_ENTRY
from registry.verifier.verification import StatusFinding, Verdict

_SECTION: Final = "Bitstring Status List 1.0, section 3.2"


async def own_status(
    sources: Sources, entry: Mapping[str, Any], issuer: str, now: datetime, at: datetime | None
) -> StatusFinding | None:
    """Return where *entry* of a well-formed credential stands; None when its list is not one of ours."""
    place = _place(entry)
    if place is None:
        return None
    url, index = place
    try:
        found = await sources.entry_of(url, index, at)
    except IndexError:
        problem = Problem(RANGE_ERROR, "The index lies outside of the list", f"The list has no entry {index}.")
        return _unknown(url, now, problem)
    except (Unavailable, Refused) as error:
        return _unknown(url, now, Problem(STATUS_RETRIEVAL_ERROR, "The status list cannot be had", error.detail))
    if found is None:
        return None
    if (wrong := _wrong(entry, issuer, found, at or now)) is not None:
        return _unknown(url, found.published_at, Problem(STATUS_VERIFICATION_ERROR, _TITLE, wrong, None, _SECTION))
    try:
        verdict, message = _judged(found, entry)
    except Malformed as error:
        problem = Problem(MALFORMED_VALUE_ERROR, "The status entry is malformed", error.detail)
        return _unknown(url, found.published_at, problem)
    return StatusFinding(found.purpose, found.value, message, verdict, None, url, found.published_at)


def _place(entry: Mapping[str, Any]) -> tuple[str, int] | None:
    """The list and index that a bitstring entry or the `status` claim of a token names; None: it is neither."""
    claim = entry.get("status_list")
    if "type" not in entry and isinstance(claim, Mapping):
        url, index = claim.get("uri"), claim.get("idx")
        return (url, index) if isinstance(url, str) and type(index) is int and index >= 0 else None
    url, text = entry.get("statusListCredential"), entry.get("statusListIndex")
    if BITSTRING_ENTRY not in types_of(entry) or not isinstance(url, str) or not isinstance(text, str):
        return None
    return url, int(text)


_TITLE: Final = "The status list is not for this credential"


def _wrong(entry: Mapping[str, Any], issuer: str, found: OwnEntry, moment: datetime) -> str | None:
    purpose = entry.get("statusPurpose", "token" if "status_list" in entry else None)
    if purpose != found.purpose:
        return f"The list is of the purpose {found.purpose}, not {str(purpose)[:80]}."
    if found.issuer != issuer:
        return "The list is another issuer's, who can say nothing about this credential."
    if not found.valid_from <= moment < found.valid_until:
        return "The list is not valid at this moment; a fresh one was not published in time."
    return None


def _judged(found: OwnEntry, entry: Mapping[str, Any]) -> tuple[Verdict | None, str | None]:
    """The word for the value, and what it means: in the words of the credential, or else in ours.

    Raises `Malformed` for an entry that is of several kinds at once, or has messages without end.
    """
    verdict = verdict_of(found.purpose, found.value)
    messages = entry_of(entry).messages or {}
    ours = str(verdict) if found.value and verdict is not None else None
    return verdict, messages.get(found.value, ours)


def _unknown(url: str, checked_at: datetime, problem: Problem) -> StatusFinding:
    return StatusFinding(None, None, None, Verdict.UNVERIFIABLE, problem, url, checked_at)
