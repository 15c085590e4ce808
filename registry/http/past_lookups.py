"""Where credentials and entries stood at the moment that `?timestamp=` or `?time=` names.

A credential stood where its recorded events had it; an entry is what the list that was published then said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from projections.credential_status.view import Ambiguous, Query
from projections.status_lists.history import History, PastEntries
from registry.errors import OutOfHistory, TooLarge, UnknownStatusList
from registry.http import client, past
from registry.http.door import Call
from registry.http.gathering import Found
from registry.http.progress import AsOf

MOST_LISTS = 100
"""Lists that one batch may ask about; each is read by itself."""

QUERIES_A_TOKEN = 20

Json = dict[str, Any]


def moment_of(call: Call) -> datetime | None:
    """Return the moment that is asked about; None: now. Raises `Malformed`, `HistoryOff` and `OutOfHistory`."""
    moment = past.moment(call.request) if past.asks(call.request) else None
    if moment is not None:
        past.history_of(call.parts.history)
        if moment > call.parts.clock():
            raise OutOfHistory("That moment lies in the future; ask for one that has passed.")
    return moment


def _pay(call: Call, queries: int) -> None:
    """Take what questions about the past cost from the quota of reads; raise `QuotaExceeded`."""
    if call.parts.reads is not None:
        address = client.address(call.request, call.parts.limits.trusted_proxies)
        call.parts.reads.take(address, past.TOKENS + queries // QUERIES_A_TOKEN)


async def standing(call: Call, queries: Sequence[Query], moment: datetime) -> tuple[AsOf, list[Found]]:
    """Return where credentials stood at *moment*, in order, and the position that the log had then."""
    _pay(call, len(queries))
    stood = await call.parts.views.statuses_at(call.log, queries, moment)
    return AsOf(stood.position, moment), stood.found


async def answer(call: Call, queries: Sequence[Json], moment: datetime) -> AsOf:
    """Write into each query what it would have been answered at *moment*; return up to where the log was known."""
    by_id = [query for query in queries if "credentialId" in query]
    asked = [(query["credentialId"], query.get("issuer")) for query in by_id]
    seen, found = await standing(call, asked, moment)
    for query, row in zip(by_id, found, strict=True):
        query["status"] = status_word(row)
    by_list: dict[str, list[Json]] = defaultdict(list)
    for query in queries:
        if "credentialId" not in query:
            by_list[query["statusListCredential"]].append(query)
    if len(by_list) > MOST_LISTS:
        raise TooLarge(f"At most {MOST_LISTS} lists may be asked about their past at once.", limit=MOST_LISTS)
    history = past.history_of(call.parts.history)
    for url, of_list in by_list.items():
        entries = await _entries(call, history, url, [int(query["statusListIndex"]) for query in of_list], moment)
        for query in of_list:
            query.update(_entry(entries, int(query["statusListIndex"])))
    return seen


async def _entries(
    call: Call, history: History, url: str, indices: Sequence[int], moment: datetime
) -> PastEntries | None:
    try:
        return await history.entries_at(call.log, await call.parts.lists.id_of(call.log, url), indices, moment)
    except (UnknownStatusList, OutOfHistory):
        return None


def _entry(entries: PastEntries | None, index: int) -> Json:
    if entries is None or index >= entries.size:
        return entry_answer(None, None)
    return entry_answer(entries.purpose, entries.values.get(index, 0))


def entry_answer(purpose: str | None, value: int | None) -> Json:
    """Return what is said of an entry of a list of *purpose*; None: there is no such list, or no such index in it."""
    if purpose is None or value is None:
        return {"status": "unknown"}
    return {"status": "set" if value else "clear", "statusPurpose": purpose, "value": value}


def status_word(row: Found) -> str:
    """Return what is said of a credential."""
    if row is None:
        return "unknown"
    return "ambiguous" if isinstance(row, Ambiguous) else str(row.status)
