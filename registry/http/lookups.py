"""Where credentials stand: one by its id, or up to 10,000 by id or by (list, index).

Bits are read from the latest *published* version of a list, never from fresher rows: otherwise a question about an
index would tell what a publication is meant to tell of many at once.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import orjson
from aiohttp import web

from projections.credential_status.view import Ambiguous, CredentialRow
from projections.status_lists.published_list import Entries, values_at
from registry.domain.names import credential_id
from registry.errors import AmbiguousCredential, Malformed, TooLarge, UnknownCredential
from registry.http import alike, client, paging, past, past_lookups
from registry.http.door import Call
from registry.http.gathering import Found
from registry.http.list_bodies import STATUS_LIST_INDEX
from registry.http.past_lookups import entry_answer, status_word
from registry.http.progress import AsOf
from registry.http.rendering import as_of
from registry.http.stencils import as_of_text, standing
from registry.strict_json import loads

PROJECTION = "credential_status"

_ISSUER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])|did:[a-z0-9]+:[!-~]{1,1024}", re.ASCII)
_BY_ID = frozenset({"credentialId", "issuer"})
_FIRST = frozenset({"credentialId", "statusListCredential"})
"""Members that stand first in the answer to a query."""
_is_index = STATUS_LIST_INDEX.fullmatch
LISTS_AT_ONCE = 256
"""Lists of a batch that are in memory at a time: 16 KiB each, and its signed form."""
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
        began = time.perf_counter()
        row = await call.parts.gathering.find(call.log, (identifier, issuer))
        call.parts.metrics.lookup_seconds["credential"].observe(time.perf_counter() - began)
    until = as_of_text(call.log, seen)
    return call.unstored_as_rendered(standing(the_one(row, until), until))


def the_one(found: Found, until: str) -> CredentialRow:
    """Return the credential; raises `AmbiguousCredential`, and `UnknownCredential`, which says up to when that is so.

    *until* is the end of an answer, as `as_of_text` writes it.
    """
    if found is None:
        told = orjson.loads("{" + until.removeprefix(","))
        raise UnknownCredential("No credential of this id is registered here.", **told)
    if isinstance(found, Ambiguous):
        raise AmbiguousCredential(
            "Several issuers use this credential id; name one: /credential-status?id=…&issuer=…",
            issuers=list(found.issuers),
        )
    return found


async def batch(call: Call) -> web.Response:
    """Answer up to 10,000 queries in order; one that finds nothing says so, and fails nobody else."""
    if not past.asks(call.request) and (told := await _told_alike(call)) is not None:
        seen, results = told
        head = orjson.dumps(as_of(call.log, seen)).decode()
        return call.unstored_as_rendered(f'{{"asOf":{head},"results":[{",".join(results)}]}}'.encode())
    queries = _queries(loads(call.raw, refuses_depth=True), call.parts.limits.lookups)
    if (moment := past_lookups.moment_of(call)) is not None:
        as_it_stood = await past_lookups.answer(call, queries, moment)
        return call.unstored({"asOf": as_of(call.log, as_it_stood), "results": queries})
    by_index = [query for query in queries if "statusListCredential" in query]
    by_id = [query for query in queries if "statusListCredential" not in query] if by_index else queries
    moments = [await _answer_ids(call, by_id)] if by_id or not queries else []
    if by_index:
        with call.parts.metrics.lookup_seconds["lists"].time():
            moments += await _answer_bits(call, by_index)
    oldest = min(moments, key=attrgetter("time")) if moments else await _seen(call)
    return call.unstored({"asOf": as_of(call.log, oldest), "results": queries})


async def _told_alike(call: Call) -> tuple[AsOf, Sequence[str]] | None:
    """Answer a batch whose queries are all alike; None leaves it to be read and judged query by query."""
    most, lookup_seconds = call.parts.limits.lookups, call.parts.metrics.lookup_seconds
    if (ids := alike.credential_ids(call.raw, most)) is not None:
        seen = await _seen(call)
        with lookup_seconds["batch"].time():
            return seen, alike.told_of_credentials(ids, await call.parts.views.status_words(call.log, ids))
    if (entries := alike.entries(call.raw, most)) is not None:
        with lookup_seconds["lists"].time():
            oldest, values, purposes = await _published_values(call, entries.urls, entries.indices)
            told = entries.told(values, purposes, entry_answer)
        return oldest or await _seen(call), told
    return None


async def _answer_ids(call: Call, queries: Sequence[Query]) -> AsOf:
    """Write into each query where its credential stands; return up to where that is complete."""
    seen = await _seen(call)
    named = [query for query in queries if "issuer" in query]
    alone = [query for query in queries if "issuer" not in query] if named else queries
    with call.parts.metrics.lookup_seconds["batch"].time():
        if alone:
            words = await call.parts.views.status_words(call.log, [query["credentialId"] for query in alone])
            for query, word in zip(alone, words, strict=True):
                query["status"] = word
        if named:
            asked = [(query["credentialId"], query["issuer"]) for query in named]
            for query, row in zip(named, await call.parts.views.statuses_of(call.log, asked), strict=True):
                query["status"] = status_word(row)
    return seen


async def _answer_bits(call: Call, queries: Sequence[Query]) -> list[AsOf]:
    """Write into each query what its list's published version says; return up to where the lists are complete."""
    urls = [query["statusListCredential"] for query in queries]
    oldest, values, purposes = await _published_values(call, urls, [int(one["statusListIndex"]) for one in queries])
    for query, url, value in zip(queries, urls, values, strict=True):
        query.update(entry_answer(purposes[url], value))
    return [] if oldest is None else [oldest]


async def _published_values(
    call: Call, urls: Sequence[str], indices: Sequence[int]
) -> tuple[AsOf | None, list[int | None], dict[str, str | None]]:
    """Return up to where the lists of *urls* are complete, what they say at *indices*, and their purposes.

    A value is None where there is no such list, or no such index in it, and so is the purpose of a list there is not.
    Nor is there a list whose signed validity is over: no verifier believes it, and it may have changed since.
    """
    distinct = list(dict.fromkeys(urls))
    if len(distinct) <= LISTS_AT_ONCE:
        return await _values_of(call, distinct, urls, indices)
    values: list[int | None] = [None] * len(urls)
    moments: list[AsOf] = []
    purposes: dict[str, str | None] = {}
    for first in range(0, len(distinct), LISTS_AT_ONCE):
        group = dict.fromkeys(distinct[first : first + LISTS_AT_ONCE])
        places = [place for place, url in enumerate(urls) if url in group]
        oldest, found, of_group = await _values_of(
            call, group, [urls[place] for place in places], [indices[place] for place in places]
        )
        moments += [] if oldest is None else [oldest]
        purposes |= of_group
        for place, value in zip(places, found, strict=True):
            values[place] = value
    return min(moments, key=attrgetter("time"), default=None), values, purposes


async def _values_of(
    call: Call, distinct: Iterable[str], urls: Sequence[str], indices: Sequence[int]
) -> tuple[AsOf | None, list[int | None], dict[str, str | None]]:
    """The same for some lists, all of which are held in memory meanwhile."""
    now, found = call.parts.clock(), await call.parts.lists.by_urls(call.log, distinct)
    lists = {url: None if one is None or one.is_expired_at(now) else one for url, one in found.items()}
    entries: dict[str, Entries | None] = {}
    inflated = 0
    for url, published in lists.items():
        entries[url] = None if published is None else call.parts.lists.entries_at_hand(published)
        if published is not None and entries[url] is None:
            entries[url] = call.parts.lists.entries(published)
            inflated += 1
            if inflated % _LISTS_PER_TURN == 0:
                await asyncio.sleep(0)
    oldest = min((one for one in lists.values() if one), key=attrgetter("published_at"), default=None)
    moment = None if oldest is None else AsOf(oldest.position, oldest.published_at)
    purposes = {url: None if one is None else one.purpose for url, one in lists.items()}
    return moment, values_at(entries, urls, indices), purposes


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
    if not all(map(_is_query, queries)):
        number = next(number for number, query in enumerate(queries) if not _is_query(query))
        raise Malformed(
            "A query is {credentialId, issuer?} or {statusListCredential, statusListIndex}: strings, the index "
            "without leading zeros, and nothing else.",
            pointer=f"/queries/{number}",
        )
    return [query if next(iter(query)) in _FIRST else _in_order(query) for query in queries]


def _in_order(query: Query) -> Query:
    """Return *query* with its members in the order in which answers have them, whatever it was asked in."""
    return dict(sorted(query.items(), key=lambda member: member[0] not in _FIRST))


def _is_query(query: Any) -> bool:
    if type(query) is not dict:
        return False
    index = query.get("statusListIndex")
    if index is not None:
        if len(query) != 2 or type(query.get("statusListCredential")) is not str:
            return False
        return _is_index(index) is not None if type(index) is str else type(index) is int and index >= 0
    if type(query.get("credentialId")) is not str:
        return False
    return len(query) == 1 or (query.keys() == _BY_ID and type(query["issuer"]) is str)
