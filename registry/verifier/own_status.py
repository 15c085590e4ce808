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
from registry.verifier.status_entry import Entry, entry_of
from registry.verifier.verification import StatusFinding, Verdict

_TITLE: Final = "The status list is not for this credential"
_SECTION: Final = "Bitstring Status List 1.0, section 3.2"


async def own_status(
    sources: Sources, entry: Mapping[str, Any], issuer: str, now: datetime, at: datetime | None
) -> StatusFinding | None:
    """Return where *entry* stands, its message in the credential's words or else in ours; None: no list of ours."""
    try:
        read = entry_of(entry)
    except Malformed as error:
        return _unknown("", now, Problem(MALFORMED_VALUE_ERROR, "The status entry is malformed", error.detail))
    try:
        found = await sources.entry_of(read.url, read.index, at)
    except IndexError:
        problem = Problem(RANGE_ERROR, "The index lies outside of the list", f"The list has no entry {read.index}.")
        return _unknown(read.url, now, problem)
    except (Unavailable, Refused) as error:
        return _unknown(read.url, now, Problem(STATUS_RETRIEVAL_ERROR, "The status list cannot be had", error.detail))
    if found is None:
        return None
    if (wrong := _wrong(read, issuer, found, at or now)) is not None:
        return _unknown(read.url, found.published_at, Problem(STATUS_VERIFICATION_ERROR, _TITLE, wrong, None, _SECTION))
    verdict = verdict_of(found.purpose, found.value)
    ours = str(verdict) if found.value and verdict is not None else None
    message = (read.messages or {}).get(found.value, ours)
    return StatusFinding(found.purpose, found.value, message, verdict, None, read.url, found.published_at)


def _wrong(read: Entry, issuer: str, found: OwnEntry, moment: datetime) -> str | None:
    if read.purpose != found.purpose:
        return f"The list is of the purpose {found.purpose}, not {read.purpose[:80]}."
    if found.issuer != issuer:
        return "The list is another issuer's, who can say nothing about this credential."
    if not found.valid_from <= moment < found.valid_until:
        return "The list is not valid at this moment; a fresh one was not published in time."
    return None


def _unknown(url: str, checked_at: datetime, problem: Problem) -> StatusFinding:
    return StatusFinding(None, None, None, Verdict.UNVERIFIABLE, problem, url, checked_at)
