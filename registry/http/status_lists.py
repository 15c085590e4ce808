"""GET /status-lists/{id}: signed and compressed beforehand, so that an answer is a lookup and a write.

`If-Modified-Since` counts only for a `Last-Modified` that was sent when the list was settled: within 2 s of a change
the header is a second early, so that two versions of one second can never be mistaken for each other.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from uuid import UUID

from aiohttp import web

from projections.status_lists.bounded import Bounded
from projections.status_lists.published_list import PublishedList
from registry.domain.names import LogName
from registry.errors import UnknownOrigin, UnknownStatusList
from registry.http import client, past
from registry.http.conditional import FORMS, Choice, Negotiation, Preference, is_match
from registry.http.door import refused
from registry.http.list_response import coded, list_headers, list_response, without_body
from registry.http.operation import Operation
from registry.http.parts import Parts
from registry.http.prepared import Prepared, can_take, head

_ONE_SECOND = timedelta(seconds=1)
_READY_BYTES = 64 * 1024 * 1024
"""Of answers that are kept ready, for the lists asked for last."""
_HEADS_BYTES = 2 * 1024
"""About what the heads of one ready answer take."""


@dataclass(slots=True)
class _Ready:
    """One representation of one list, good for one second: nothing in its head changes within it."""

    form: tuple[LogName, UUID, str]
    published: PublishedList
    choice: Choice
    second: int
    etag: str
    complete: Prepared
    bodiless: Prepared
    """For HEAD."""
    not_modified: Prepared | None
    """None for a list that expires in this second."""
    uses: int = 0
    """Told to the metrics when its second is over: a counter's lock on every request is dear."""


def status_list(parts: Parts, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler; it does the door's work itself, for a bare aiohttp handler is hardly cheaper."""
    count = parts.metrics.route(operation.path).count
    prefer = Negotiation().prefer
    logs, reads, trusted, clock = parts.logs, parts.reads, parts.limits.trusted_proxies, parts.clock
    find, fetch = _finders(parts)

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = request.headers
        log = logs.of_host(headers.get("Host", ""))
        if log is None:
            raise UnknownOrigin("No log answers to this host; ask under one of the registry's public origins.")
        if reads is not None:
            reads.take(client.address(request, trusted))
        wanted, now = prefer(headers.get("Accept"), headers.get("Accept-Encoding")), clock()
        if past.asks(request):
            if reads is not None:
                reads.take(client.address(request, trusted), past.TOKENS)
            return await past.past_list(parts.history, log, _id(request.match_info["id"]), request, wanted)
        ready = find(log, request.match_info["id"], wanted, now)
        if ready is None:
            ready = await fetch(log, request.match_info["id"], wanted, now)
        if_none_match = headers.get("If-None-Match")
        if not can_take(request) or (if_none_match is None and "If-Modified-Since" in headers):
            return respond(ready.published, ready.choice, now, if_none_match, headers.get("If-Modified-Since"))
        if if_none_match is not None and ready.not_modified is not None and is_match(if_none_match, ready.etag):
            return ready.not_modified
        return ready.bodiless if request.method == "HEAD" else ready.complete

    async def through(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        try:
            response = await answer(request)
        except Exception as error:  # noqa: BLE001 (everything becomes a problem document)
            response = refused(parts, operation, request, error)
        count(request.method, response.status, began)
        return response

    return through


Find = Callable[[LogName, str, Preference, datetime], _Ready | None]
Fetch = Callable[[LogName, str, Preference, datetime], Awaitable[_Ready]]


def _finders(parts: Parts) -> tuple[Find, Fetch]:
    """Return two ways to a list's ready answer, at once from memory or with time to prepare or read it.

    It is prepared once a second, and anew when the list was published anew.
    """
    hits = parts.metrics.cache_requests.labels("status-lists", "hit")
    misses = parts.metrics.cache_requests.labels("status-lists", "miss")
    lists = parts.lists
    kept: Bounded[tuple[LogName, str, Preference], _Ready] = Bounded(
        _READY_BYTES, lambda one: one.published.size_bytes + _HEADS_BYTES
    )

    def find(log: LogName, text: str, wanted: Preference, now: datetime) -> _Ready | None:
        ready = kept.get((log, text, wanted))
        if ready is None or ready.second != int(now.timestamp()) or lists.peek(*ready.form) is not ready.published:
            return None
        ready.uses += 1
        return ready

    async def fetch(log: LogName, text: str, wanted: Preference, now: datetime) -> _Ready:
        status_list_id = _id(text)
        choice = wanted.among(lists.media_types(log, status_list_id) or await lists.forms(log, status_list_id))
        form = (log, status_list_id, FORMS[choice.media_type])
        published = lists.peek(*form)
        (misses if published is None else hits).inc()
        if published is None:
            published = await lists.get(*form)
        key = (log, text, wanted)
        if before := kept.get(key):
            hits.inc(before.uses)
        ready = _ready(form, published, choice, now)
        kept.put(key, ready)
        return ready

    return find, fetch


def _ready(form: tuple[LogName, UUID, str], published: PublishedList, choice: Choice, now: datetime) -> _Ready:
    """Return what is sent throughout the second of *now*; whatever ends within it counts as over."""
    second = now.replace(microsecond=0)
    headers = _headers(published, choice, second, until=second + _ONE_SECOND)
    headers["Date"] = format_datetime(second, usegmt=True)
    body, etag = coded(published, choice)
    is_expired = published.is_expired_at(second + _ONE_SECOND)
    of_200 = head(200, {**headers, "Content-Length": str(len(body))})
    return _Ready(
        form,
        published,
        choice,
        int(second.timestamp()),
        etag,
        complete=Prepared(200, of_200 + body),
        bodiless=Prepared(200, of_200),
        not_modified=None if is_expired else Prepared(304, head(304, without_body(headers))),
    )


def _headers(published: PublishedList, choice: Choice, now: datetime, *, until: datetime) -> dict[str, str]:
    is_settled = published.is_settled_at(now)
    return {
        **list_headers(published, choice, max_age_s=published.max_age_at(until), stale_s=published.stale_s_at(until)),
        "Last-Modified": published.last_modified if is_settled else _a_second_early(published.published_at),
    }


def respond(
    published: PublishedList,
    choice: Choice,
    now: datetime,
    if_none_match: str | None,
    if_modified_since: str | None = None,
) -> web.Response:
    """Return the list as *choice* wants it, or 304; never 304 for one that no verifier accepts any more."""
    headers = _headers(published, choice, now, until=now)
    body, etag = coded(published, choice)
    if if_none_match is not None:
        has_it = is_match(if_none_match, etag)
    else:
        has_it = if_modified_since is not None and published.is_settled_at(now)
        has_it = has_it and _since(if_modified_since or "", published.published_at)
    return list_response(headers, body, has_it=has_it and not published.is_expired_at(now))


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
