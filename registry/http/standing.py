"""GET /credentials/{id}/status: the door's work and the answer's head are done here, for they are most of its cost.

Only for a plain request: what asks about the past, waits for a position, wants only the head, or does not leave the
connection open goes through the door, which gives the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

from registry.domain.names import LogName, credential_id
from registry.errors import UnknownOrigin
from registry.http import client, lookups
from registry.http.door import JSON_TYPE, NO_STORE, PUBLIC, door, refused
from registry.http.operation import Operation
from registry.http.parts import Parts
from registry.http.prepared import Prepared, can_take
from registry.http.progress import AsOf
from registry.http.stencils import as_of_text, standing

_HEAD: Final = "HTTP/1.1 200 OK\r\n" + "".join(
    f"{name}: {value}\r\n" for name, value in {**JSON_TYPE, **NO_STORE, **PUBLIC}.items()
)


def of_path(parts: Parts, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of the operation whose path names a credential."""
    count = parts.metrics.route(operation.path).count
    found_in = parts.metrics.lookup_seconds["credential"].observe
    logs, reads, trusted = parts.logs, parts.reads, parts.limits.trusted_proxies
    find, company = parts.gathering.find, parts.courtesy
    complete_until = _complete_until(parts)
    through_the_door = door(parts, replace(operation, handle=lookups.of_path, direct=None))

    async def answer(request: web.Request) -> web.StreamResponse:
        log = logs.of_host(request.headers.get("Host", ""))
        if log is None:
            raise UnknownOrigin("No log answers to this host; ask under one of the registry's public origins.")
        if reads is not None:
            reads.take(client.address(request, trusted))
        identifier = credential_id(request.match_info["id"])
        until, began = complete_until(log), time.perf_counter()
        with company:
            row = lookups.the_one(await find(log, (identifier, None)), until)
        found_in(time.perf_counter() - began)
        body = standing(row, until)
        head = (
            f"{_HEAD}X-Request-Id: {client.request_id(request)}\r\n"
            f"Content-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n\r\n"
        )
        return Prepared(200, head.encode() + body)

    async def through(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        if request.method != "GET" or not can_take(request) or _asks_more(request):
            return await through_the_door(request)
        try:
            response = await answer(request)
        except Exception as error:  # noqa: BLE001 (everything becomes a problem document)
            response = refused(parts, operation, request, error)
        count("GET", response.status, began)
        return response

    return through


def _asks_more(request: web.Request) -> bool:
    return bool(request.query_string) or "Registry-Position" in request.headers


def _complete_until(parts: Parts) -> Callable[[LogName], str]:
    """Return what tells the end of an answer, rendered once for as long as it stays the same."""
    told: dict[LogName, tuple[AsOf, str]] = {}

    def complete_until(log: LogName) -> str:
        seen = parts.progress.as_of(log, lookups.PROJECTION)
        known = told.get(log)
        if known is None or known[0] is not seen:
            known = told[log] = seen, as_of_text(log, seen)
        return known[1]

    return complete_until
