"""What every request goes through: which log, who calls, which body; then the handler; then headers, counts, a line.

Composed around each handler when the routes are mounted, not as middleware: the hot routes (lists, lookups) do the
little they need themselves, and a middleware would cost every request its share.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from aiohttp import web

from registry.domain.names import IssuerId, LogName
from registry.errors import ApiKeyRefused, DatabaseUnavailable, RegistryError, Unauthenticated, UnknownOrigin
from registry.http import access, auth, client, problems, reading
from registry.http.auth import Caller
from registry.http.bodies import Body
from registry.http.operation import Operation
from registry.http.parts import Parts
from registry.http.prepared import Whole

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Registry-Position, Retry-After",
}
"""On every public answer, errors included: a verifier in a browser must be able to read what went wrong."""
PUBLIC = {"X-Content-Type-Options": "nosniff", **CORS}
"""On every public answer whose handler says nothing else about sniffing."""
JSON_TYPE = {"Content-Type": "application/json"}
NO_STORE = {"Cache-Control": "no-store"}

_NO_LOG = LogName("")


@dataclass(slots=True)
class Call:
    """One request, admitted: what a handler needs to hand over and to render."""

    parts: Parts
    operation: Operation
    request: web.Request
    request_id: str
    log: LogName = _NO_LOG
    origin: str = ""
    caller: Caller | None = None
    issuer_id: IssuerId | None = None
    """The issuer that the path names, on the paths of issuers and the operator."""
    raw: bytes = b""
    body: Body | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def issuer(self) -> IssuerId:
        """The issuer that the path names, where it does and the caller may speak for it."""
        assert self.issuer_id is not None, "the path names an issuer and was authorised for it"
        return self.issuer_id

    def json(self, content: Any, status: int = 200) -> web.Response:
        """Return *content* as a JSON answer."""
        return self.rendered(orjson.dumps(content), status)

    def unstored(self, content: Any, status: int = 200) -> web.Response:
        """Return *content* as a JSON answer that no cache keeps."""
        return self.unstored_as_rendered(orjson.dumps(content), status)

    def unstored_as_rendered(self, content: bytes, status: int = 200) -> web.Response:
        """Return *content*, which is JSON already, as an answer that no cache keeps."""
        response = self.rendered(content, status)
        response.headers.update(NO_STORE)
        return response

    def rendered(self, content: bytes, status: int = 200) -> web.Response:
        """Return *content*, which is JSON already, as an answer."""
        return Whole(body=content, status=status, headers={**JSON_TYPE, **self.headers})


def door(parts: Parts, operation: Operation) -> Handler:
    """Return the aiohttp handler of *operation*: admit, handle, render; every failure as a problem document."""
    count = parts.metrics.route(operation.path).count
    finish = finish_public if operation.scope is None else finish_private
    company = nullcontext() if operation.is_bulk else parts.courtesy
    handle = cast("Callable[[Call], Awaitable[web.StreamResponse]]", operation.handle)

    async def through(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        call = Call(parts, operation, request, client.request_id(request))
        try:
            with company:
                await _admit(call)
                response = await handle(call)
        except Exception as error:  # noqa: BLE001 (everything becomes a problem document; what nobody foresaw is logged)
            response = refusal(call, error)
        finish(call, response)
        count(request.method, response.status, began)
        if not operation.is_quiet or response.status >= 500:
            access.answered(
                route=operation.path,
                method=request.method,
                code=response.status,
                seconds=time.perf_counter() - began,
                request_id=call.request_id,
                key_id=call.caller.key_id if call.caller else None,
            )
        return response

    return through


def refusal(call: Call, error: Exception) -> web.Response:
    """Return the problem document that *error* is."""
    problem = problem_for(call.parts, error)
    route, method = call.operation.path, call.request.method
    if problem.kind in problems.OURS:
        access.failed(route=route, method=method, request_id=call.request_id, error=error)
    elif problem.kind.status == 503:
        access.unavailable(
            route=route,
            method=method,
            code=problem.kind.status,
            request_id=call.request_id,
            key_id=call.caller.key_id if call.caller else None,
            reason=problem.detail or problem.kind.title,
        )
    response = problem.response(origin=call.origin, request_id=call.request_id)
    if problem.kind.status in (408, 413):
        response.force_close()  # the rest of the body is not worth reading
    return response


def refused(parts: Parts, operation: Operation, request: web.Request, error: Exception) -> web.Response:
    """Return the whole answer that *error* is, for a public operation that does the door's work itself."""
    call = Call(parts, operation, request, client.request_id(request))
    if (log := parts.logs.of_host(request.headers.get("Host", ""))) is not None:
        call.origin = parts.logs.origins[log]
    response = refusal(call, error)
    finish_public(call, response)
    return response


def problem_for(parts: Parts, error: Exception) -> problems.Problem:
    """Return the problem that *error* is; what nobody foresaw tells nothing of its cause."""
    match error:
        case RegistryError() | problems.AtTheDoor():
            return problems.problem_of(error)
        case _ if isinstance(error, parts.database_lost):
            return problems.problem_of(DatabaseUnavailable("The database does not answer; repeat the request."))
    return problems.internal()


async def _admit(call: Call) -> None:
    parts, operation, request = call.parts, call.operation, call.request
    if operation.is_local:
        return
    log = parts.logs.of_host(request.headers.get("Host", ""))
    if log is None:
        raise UnknownOrigin("No log answers to this host; ask under one of the registry's public origins.")
    call.log, call.origin = log, parts.logs.origins[log]
    if operation.scope is None:
        if parts.reads is not None:
            parts.reads.take(client.address(request, parts.limits.trusted_proxies))
    else:
        await _authorise(call, operation.scope)
    if operation.body is not None:
        call.raw = await reading.body(
            request, operation.limit(parts.limits), parts.limits.body_timeout_s, operation.raw_types
        )
        if not operation.reads_raw:
            call.body = await reading.parsed(
                operation.body,
                call.raw,
                is_optional=operation.body_is_optional,
                is_document=reading.is_document(request),
            )
    elif operation.method != "GET":
        reading.require_uncompressed(request)


async def _authorise(call: Call, scope: str) -> None:
    parts, request = call.parts, call.request
    address = client.address(request, parts.limits.trusted_proxies)
    is_read = call.operation.method == "GET"
    if parts.reads is not None:
        (parts.reads.take if is_read else parts.reads.require)(address)
    try:
        caller = call.caller = await parts.check_key(call.log, auth.presented_key(request))
    except Unauthenticated as error:
        if parts.reads is not None and not is_read:
            parts.reads.take(address)  # guessing keys asks the database; writes with a good one have their own quota
        reason = error.reason if isinstance(error, ApiKeyRefused) else str(error.extra["reason"])
        parts.metrics.auth_failures.labels(reason).inc()
        raise
    if (slug := request.match_info.get("slug")) is not None:
        issuer_id = await parts.commands.issuer_id(call.log, slug)
        auth.require_tenant(caller, issuer_id, method=request.method, slug=slug)
        call.issuer_id = issuer_id
    auth.require_scope(caller, scope)
    if parts.writes is not None and request.method not in ("GET", "HEAD"):
        parts.writes.take(f"{call.log}/{caller.key_id}")


def finish_public(call: Call, response: web.StreamResponse) -> None:
    """Give an answer the headers that every public one has."""
    headers = response.headers
    headers["X-Request-Id"] = call.request_id
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.update(CORS)


def finish_private(call: Call, response: web.StreamResponse) -> None:
    """Give an answer the headers that every one behind a key has."""
    headers = response.headers
    headers["X-Request-Id"] = call.request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cache-Control"] = "no-store"
