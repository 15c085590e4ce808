"""GET /status-lists/{id}: signed and compressed beforehand, so that an answer is a lookup and a write.

`If-Modified-Since` counts only for a `Last-Modified` that was sent when the list was settled: within 2 s of a change
the header is a second early, so that two versions of one second can never be mistaken for each other.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web

from registry.errors import UnknownOrigin, UnknownStatusList
from registry.http import client
from registry.http.conditional import Choice, Negotiation, is_match
from registry.http.door import CORS, Call, finish_public, refusal
from registry.http.operation import Operation
from registry.http.parts import Parts

_CONSTANT = {**CORS, "Vary": "Accept, Accept-Encoding", "X-Content-Type-Options": "nosniff"}
_ONE_SECOND = timedelta(seconds=1)


def status_list(parts: Parts, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler; it does the door's work itself, for a bare aiohttp handler is hardly cheaper."""
    count = parts.metrics.route(operation.path).count
    hits = parts.metrics.cache_requests.labels("status-lists", "hit")
    misses = parts.metrics.cache_requests.labels("status-lists", "miss")
    negotiation = Negotiation()
    lists, logs, reads, trusted = parts.lists, parts.logs, parts.reads, parts.limits.trusted_proxies

    async def answer(request: web.Request) -> web.Response:
        headers = request.headers
        log = logs.of_host(headers.get("Host", ""))
        if log is None:
            raise UnknownOrigin("No log answers to this host; ask under one of the registry's public origins.")
        if reads is not None:
            reads.take(client.address(request, trusted))
        choice = negotiation.choose(headers.get("Accept"), headers.get("Accept-Encoding"))
        status_list_id = _id(request.match_info["id"])
        published = lists.peek(log, status_list_id)
        if published is None:
            misses.inc()
            published = await lists.get(log, status_list_id)
        else:
            hits.inc()
        return respond(published, choice, parts.clock(), headers.get("If-None-Match"), headers.get("If-Modified-Since"))

    async def through(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        try:
            response = await answer(request)
        except Exception as error:  # noqa: BLE001 (everything becomes a problem document)
            call = Call(parts, operation, request, client.request_id(request) or uuid4().hex)
            response = refusal(call, error)
            finish_public(call, response)
        count(request.method, response.status, began)
        return response

    return through


def respond(
    published: Any, choice: Choice, now: datetime, if_none_match: str | None, if_modified_since: str | None = None
) -> web.Response:
    """Return the list as *choice* wants it, or 304; never 304 for one that no verifier accepts any more."""
    etag = published.gzip_etag if choice.is_gzip else published.etag
    is_settled = published.is_settled_at(now)
    headers = {
        **_CONSTANT,
        "Content-Type": choice.media_type,
        "ETag": f'"{etag}"',
        "Cache-Control": f"public, max-age={published.max_age_at(now)}",
        "Last-Modified": published.last_modified if is_settled else _a_second_early(published.published_at),
    }
    if not published.is_expired_at(now):
        if if_none_match is not None:
            has_it = is_match(if_none_match, etag)
        else:
            has_it = is_settled and if_modified_since is not None and _since(if_modified_since, published.published_at)
        if has_it:
            del headers["Content-Type"]
            return web.Response(status=304, headers=headers)
    if choice.is_gzip:
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=published.gzip, headers=headers)
    return web.Response(body=published.body, headers=headers)


def _a_second_early(published_at: datetime) -> str:
    return format_datetime(published_at - _ONE_SECOND, usegmt=True)


def _since(header: str, published_at: datetime) -> bool:
    """Whether the version of that date is this one (section 13.1.3); a date that is none says nothing."""
    try:
        return parsedate_to_datetime(header) >= published_at.replace(microsecond=0)
    except (ValueError, TypeError):
        return False


def _id(text: str) -> UUID:
    if len(text) == 36:
        try:
            found = UUID(text)
        except ValueError:
            pass
        else:
            if str(found) == text:  # one URL per list: caches and signatures know no other spelling
                return found
    raise UnknownStatusList("No status list was published under this id.")
