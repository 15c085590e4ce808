"""The listener: its route table, and what each of its requests goes through.

The interface knows no authentication: whoever reaches the port may register and change. So a request that a browser
made for a page is refused (it has an `Origin`; JSON as media type makes browsers ask first), the settings keep the port
on loopback unless the operator says otherwise, and a token may be asked for that a proxy adds.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

import orjson
from aiohttp import web

from registry.errors import Forbidden, Malformed, Unauthenticated
from registry.http import access, auth, client, problems, reading, status_lists
from registry.http.dcc import statuses
from registry.http.dcc.exchange import Exchange, Tenant, answer
from registry.http.door import Handler, problem_for
from registry.http.operation import Operation
from registry.http.parts import Logs, Parts
from registry.http.problems import NO_SUCH_PATH, AtTheDoor
from registry.strict_json import loads


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path; what is posted changes something."""

    method: Literal["GET", "POST"]
    path: str
    handle: Callable[[Exchange], Awaitable[web.Response]]


ROUTES = (
    Route("GET", "/", statuses.greet),
    Route("POST", "/credentials/status/allocate", statuses.allocate),
    Route("POST", "/credentials/status", statuses.change),
)
"""Beside these, `GET /{id}` is a status list by the last segment of its URL."""


def dcc_application(parts: Parts, tenant: Tenant) -> web.Application:
    """Return the application that speaks for *tenant*."""
    app = web.Application()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _through(parts, tenant, route))
    app.router.add_get("/{id}", _lists(parts, tenant))
    app.router.add_route("*", r"/{anything:[\s\S]*}", _through(parts, tenant, Route("GET", "(no route)", _nowhere)))
    return app


def _through(parts: Parts, tenant: Tenant, route: Route) -> Handler:
    label = f"dcc {route.path}"
    count = parts.metrics.route(label).count

    async def through(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        exchange = Exchange(parts, tenant, request, client.request_id(request))
        try:
            await _admit(exchange, route)
            response = await route.handle(exchange)
        except Exception as error:  # noqa: BLE001 (everything becomes an answer; what nobody foresaw is logged)
            response = _refusal(exchange, label, error)
        response.headers["X-Request-Id"] = exchange.request_id
        count(request.method, response.status, began)
        access.answered(
            route=label,
            method=request.method,
            code=response.status,
            seconds=time.perf_counter() - began,
            request_id=exchange.request_id,
            key_id=None,
        )
        return response

    return through


async def _admit(exchange: Exchange, route: Route) -> None:
    parts, request = exchange.parts, exchange.request
    if route.method != "POST":
        if parts.reads is not None:
            parts.reads.take(client.address(request, parts.limits.trusted_proxies))
        return
    if "Origin" in request.headers:
        raise Forbidden("This interface is for coordinators, not for pages in a browser.")
    _require_token(exchange)
    if parts.writes is not None:
        parts.writes.take(f"{exchange.tenant.log}/dcc")
    raw = await reading.body(request, parts.limits.document_bytes, parts.limits.body_timeout_s)
    document = loads(raw) if raw else {}
    if not isinstance(document, dict):
        raise Malformed("The body is a JSON object.")
    exchange.document = document


def _require_token(exchange: Exchange) -> None:
    token, parts, request = exchange.tenant.token, exchange.parts, exchange.request
    if token is None:
        return
    try:
        if not hmac.compare_digest(auth.presented_key(request).encode(), token.encode()):
            raise Unauthenticated("The Bearer token is not the one that this listener was set up with.", reason="dcc")
    except Unauthenticated as error:
        if parts.reads is not None:
            parts.reads.take(client.address(request, parts.limits.trusted_proxies))
        parts.metrics.auth_failures.labels(str(error.extra["reason"])).inc()
        raise


async def _nowhere(exchange: Exchange) -> web.Response:
    raise AtTheDoor(NO_SUCH_PATH, f"Route Not Found: {exchange.request.method} is answered on no such path here.")


def _refusal(exchange: Exchange, label: str, error: Exception) -> web.Response:
    """Return what went wrong as the coordinators read it: a numeric code, and a message."""
    problem = problem_for(exchange.parts, error)
    method, request_id = exchange.request.method, exchange.request_id
    if problem.kind in problems.OURS:
        access.failed(route=label, method=method, request_id=request_id, error=error)
    elif (code := problem.kind.status) == 503:
        why = problem.detail or problem.kind.title
        access.unavailable(route=label, method=method, code=code, request_id=request_id, key_id=None, reason=why)
    response = answer({"code": problem.kind.status, "message": problem.detail}, problem.kind.status)
    response.headers.update(problem.headers)
    if problem.kind.status in (408, 413):
        response.force_close()  # the rest of the body is not worth reading
    return response


def _lists(parts: Parts, tenant: Tenant) -> Handler:
    """Return what serves published lists here as the public door does, under any Host."""
    operation = Operation(method="GET", path="dcc /{id}", operation_id="", summary="", tag="", is_quiet=True)
    origins = {tenant.log: parts.logs.origins[tenant.log]}
    fetch = status_lists.status_list(replace(parts, logs=Logs(origins)), operation)

    async def served(request: web.Request) -> web.StreamResponse:
        response = await fetch(request)
        if response.status < 400:
            return response
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        return answer({"code": response.status, "message": orjson.loads(response.body)["detail"]}, response.status)

    return served
