"""Where credentials stand: one by its id, or up to 10,000 by id or by (list, index).

Bits are read from the latest *published* version of a list, never from fresher rows: otherwise a question about an
index would tell what a publication is meant to tell of many at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from projections.credential_status.view import Ambiguous
from projections.status_lists.published_list import PublishedList
from registry.domain.names import credential_id
from registry.errors import AmbiguousCredential, Malformed, TooLarge, UnknownCredential, UnknownStatusList
from registry.http import client, paging, past_lookups
from registry.http.door import Call
from registry.http.list_bodies import STATUS_LIST_INDEX
from registry.http.past_lookups import entry_answer, status_word
from registry.http.progress import AsOf
from registry.http.rendering import as_of, credential
from registry.strict_json import loads

PROJECTION = "credential_status"

_ISSUER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])|did:[a-z0-9]+:[!-~]{1,1024}", re.ASCII)
_BY_ID = frozenset({"credentialId", "issuer"})
_BY_INDEX = frozenset({"statusListCredential", "statusListIndex"})
_LISTS_PER_TURN = 8
"""Lists whose bits may be inflated before others get their turn on the loop."""

Query = dict[str, Any]


async def of_path(call: Call) -> web.Response:
    """Where the credential stands that the path names."""
    return await _single(call, call.request.match_info["id"], None)


async def of_query(call: Call) -> web.Response:
    """The same for ids that proxies mangle, and to name the issuer."""
    identifier = call.request.query.get("id")
    if not identifier:
        raise Malformed("Name the credential: /credential-status?id=…", parameter="id")
    issuer = paging.text(call.request, "issuer", longest=1100)
    if issuer is not None and not _ISSUER.fullmatch(issuer):
        raise Malformed("`issuer` is an issuer's slug or DID.", parameter="issuer")
    return await _single(call, identifier, issuer)


async def _single(call: Call, text: str, issuer: str | None) -> web.Response:
    identifier = credential_id(text)
    moment = past_lookups.moment_of(call)
    if moment is not None:
        seen, [row] = await past_lookups.standing(call, [(identifier, issuer)], moment)
    else:
        seen = await _seen(call)
        with call.parts.metrics.lookup_seconds["credential"].time():
            row = await call.parts.gathering.find(call.log, (identifier, issuer))
    if row is None:
        raise UnknownCredential("No credential of this id is registered here.")
    if isinstance(row, Ambiguous):
        raise AmbiguousCredential(
            "Several issuers use this credential id; name one: /credential-status?id=…&issuer=…",
            issuers=list(row.issuers),
        )
    answer = credential(row, with_reason=row.issuer.public_reasons)
    answer["asOf"] = as_of(call.log, seen)
    return call.unstored(answer)


async def batch(call: Call) -> web.Response:
    """Answer up to 10,000 queries in order; one that finds nothing says so, and fails nobody else."""
    queries = _queries(loads(call.raw), call.parts.limits.lookups)
    if (moment := past_lookups.moment_of(call)) is not None:
        as_it_stood = await past_lookups.answer(call, queries, moment)
        return call.unstored({"asOf": as_of(call.log, as_it_stood), "results": queries})
    by_id = [query for query in queries if "credentialId" in query]
    moments = [await _answer_ids(call, by_id)] if by_id or not queries else []
    if len(by_id) < len(queries):
        with call.parts.metrics.lookup_seconds["lists"].time():
            moments += await _answer_bits(call, [query for query in queries if "credentialId" not in query])
    oldest = min(moments, key=lambda moment: moment.time) if moments else await _seen(call)
    return call.unstored({"asOf": as_of(call.log, oldest), "results": queries})


async def _answer_ids(call: Call, queries: Sequence[Query]) -> AsOf:
    """Write into each query where its credential stands; return up to where that is complete."""
    seen = await _seen(call)
    asked = [(query["credentialId"], query.get("issuer")) for query in queries]
    with call.parts.metrics.lookup_seconds["batch"].time():
        rows = await call.parts.views.statuses_of(call.log, asked)
    for query, row in zip(queries, rows, strict=True):
        query["status"] = status_word(row)
    return seen


async def _answer_bits(call: Call, queries: Sequence[Query]) -> list[AsOf]:
    """Write into each query what its list's published version says; return up to where the lists are complete."""
    lists, value_of = call.parts.lists, call.parts.lists.value
    known: dict[str, PublishedList | None] = {}
    for query in queries:
        url = query["statusListCredential"]
        if url not in known:
            try:
                known[url] = await lists.by_url(call.log, url)
            except UnknownStatusList:
                known[url] = None
            if len(known) % _LISTS_PER_TURN == 0:
                await asyncio.sleep(0)
        published = known[url]
        try:
            value = None if published is None else value_of(published, int(query["statusListIndex"]))
        except IndexError:
            value = None
        query.update(entry_answer(published.purpose if published is not None else None, value))
    return [AsOf(one.position, one.published_at) for one in known.values() if one is not None]


async def _seen(call: Call) -> AsOf:
    """Wait for the position that the caller must see; return up to where the answer will be complete."""
    progress = call.parts.progress
    if wanted := client.wanted_position(call.request, call.log):
        await progress.reach(call.log, PROJECTION, wanted, timeout_s=call.parts.limits.position_wait_s)
    return progress.as_of(call.log, PROJECTION)


def _queries(body: Any, most: int) -> list[Query]:
    """Return a body's queries, judged by hand: a model costs more than all the rest. Raises `Malformed`, `TooLarge`."""
    queries = body.get("queries") if isinstance(body, dict) else None
    if not isinstance(queries, list) or len(body) != 1:
        raise Malformed("The body is an object with one member, `queries`, an array.", pointer="/queries")
    if len(queries) > most:
        raise TooLarge(f"At most {most} queries may be asked at once; these are {len(queries)}.", limit=most)
    for number, query in enumerate(queries):
        if not _is_query(query):
            raise Malformed(
                "A query is {credentialId, issuer?} or {statusListCredential, statusListIndex}: strings, the index "
                "without leading zeros, and nothing else.",
                pointer=f"/queries/{number}",
            )
    return queries


def _is_query(query: Any) -> bool:
    if not isinstance(query, dict):
        return False
    identifier = query.get("credentialId")
    if identifier is not None:
        issuer = query.get("issuer", "")
        return isinstance(identifier, str) and isinstance(issuer, str) and query.keys() <= _BY_ID
    index = query.get("statusListIndex")
    if not isinstance(query.get("statusListCredential"), str) or query.keys() != _BY_INDEX:
        return False
    if isinstance(index, str):
        return STATUS_LIST_INDEX.fullmatch(index) is not None
    return type(index) is int and index >= 0
