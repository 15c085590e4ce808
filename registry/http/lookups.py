"""Where credentials stand: one by its id, or up to 10,000 by id or by (list, index).

Bits are read from the latest *published* version of a list, never from fresher rows: otherwise a question about an
index would tell what a publication is meant to tell of many at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from projections.credential_status.view import Ambiguous
from registry.domain.names import credential_id
from registry.errors import AmbiguousCredential, Malformed, TooLarge, UnknownCredential, UnknownStatusList
from registry.http import client, paging
from registry.http.door import Call
from registry.http.gathering import Found
from registry.http.progress import AsOf
from registry.http.rendering import as_of, credential
from registry.http.strict_json import loads

PROJECTION = "credential_status"

_ISSUER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])|did:[a-z0-9]+:[!-~]{1,1024}", re.ASCII)
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
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
    seen = await _seen(call)
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
    return _private(call.json(answer))


async def batch(call: Call) -> web.Response:
    """Answer up to 10,000 queries in order; one that finds nothing says so, and fails nobody else."""
    queries = _queries(loads(call.raw), call.parts.limits.lookups)
    by_id = [query for query in queries if "credentialId" in query]
    found: dict[int, Query] = {}
    moments = []
    if by_id:
        moments.append(await _seen(call))
        rows = await call.parts.views.statuses_of(
            call.log, [(query["credentialId"], query.get("issuer")) for query in by_id]
        )
        found = {id(query): {**query, "status": _word(row)} for query, row in zip(by_id, rows, strict=True)}
    bits = _Bits(call)
    results = [found[id(query)] if "credentialId" in query else await bits.of(query) for query in queries]
    moments.extend(bits.moments)
    oldest = min(moments, key=lambda moment: moment.time) if moments else await _seen(call)
    return _private(call.json({"asOf": as_of(call.log, oldest), "results": results}))


def _word(row: Found) -> str:
    if row is None:
        return "unknown"
    return "ambiguous" if isinstance(row, Ambiguous) else str(row.status)


async def _seen(call: Call) -> AsOf:
    """Wait for the position that the caller must see; return up to where the answer will be complete."""
    progress = call.parts.progress
    if wanted := client.wanted_position(call.request, call.log):
        await progress.reach(call.log, PROJECTION, wanted, timeout_s=call.parts.limits.position_wait_s)
    return progress.as_of(call.log, PROJECTION)


def _private(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = "no-store"
    return response


class _Bits:
    """The published bits that one request asks for; each list is looked up once."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._lists: dict[str, Any] = {}
        self.moments: list[AsOf] = []

    async def of(self, query: Query) -> Query:
        """Return the query with its answer."""
        url = query["statusListCredential"]
        if url not in self._lists:
            self._lists[url] = await self._list(url)
            if len(self._lists) % _LISTS_PER_TURN == 0:
                await asyncio.sleep(0)
        published = self._lists[url]
        if published is None:
            return {**query, "status": "unknown"}
        try:
            value = self._call.parts.lists.bit(published, int(query["statusListIndex"]))
        except IndexError:
            return {**query, "status": "unknown"}
        return {
            **query,
            "status": "set" if value else "clear",
            "statusPurpose": published.purpose,
            "value": value,
        }

    async def _list(self, url: str) -> Any:
        try:
            published = await self._call.parts.lists.by_url(self._call.log, url)
        except UnknownStatusList:
            return None
        at: datetime = published.published_at
        self.moments.append(AsOf(published.position, at))
        return published


def _queries(body: Any, most: int) -> Sequence[Query]:
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
    return _INDEX.fullmatch(index) is not None if isinstance(index, str) else type(index) is int and index >= 0
