"""The web application: the route table mounted, and what no route answers."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from registry.errors import UnknownOrigin
from registry.http import client
from registry.http.door import Call, Handler, door, finish_public, refusal
from registry.http.openapi import DESCRIPTION, describe
from registry.http.operation import Operation
from registry.http.parts import PARTS, Parts
from registry.http.problems import EXPECTATION_FAILED, METHOD_NOT_ALLOWED, NO_SUCH_PATH, AtTheDoor
from registry.http.protocol import ProblemRunner
from registry.http.routes import ROUTES
from registry.http.straight import Straight

KEEPALIVE_S = 15
"""Also the time in which a request's head must arrive."""
LINGERING_S = 2
"""How long the rest of a refused body is read, so that the client gets to see the refusal."""
MAX_HEADERS = 64

_PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "accept, cache-control, content-type, if-none-match, pragma, registry-position",
    "Access-Control-Max-Age": "86400",
}


def application(parts: Parts, routes: Iterable[Operation] = ROUTES) -> web.Application:
    """Return the application that serves *routes* from *parts*."""
    table = tuple(routes)
    app = web.Application()
    app.on_response_prepare.append(_unnamed)
    app[PARTS] = parts
    app[DESCRIPTION] = {
        log: describe(table, origin=origin, version=parts.version) for log, origin in parts.logs.origins.items()
    }
    by_path: dict[str, list[Operation]] = {}
    for operation in table:
        by_path.setdefault(operation.path, []).append(operation)
    hot = Straight("/issuers")
    app.router.register_resource(hot)
    for path, operations in by_path.items():
        hot.learn(_mount(app, parts, path, operations))
    app.router.add_route("*", r"/{anything:[\s\S]*}", _nothing_here(parts), expect_handler=_expect)
    return app


async def _unnamed(_: web.Request, response: web.StreamResponse) -> None:
    """Tell nobody which software answers, as the answers that are sent in one write do not."""
    response.headers.pop("Server", None)


def runner(app: web.Application, **changes: Any) -> web.AppRunner:
    """Return a runner with our bounds on time and headers, no access log of aiohttp's, and problems for bad HTTP."""
    settings: dict[str, Any] = {
        "access_log": None,
        "auto_decompress": False,
        "handle_signals": False,
        "handler_cancellation": False,  # a write that was begun is finished, whether or not the client waits
        "keepalive_timeout": KEEPALIVE_S,
        "lingering_time": LINGERING_S,
        "max_headers": MAX_HEADERS,
    }
    return ProblemRunner(app, **{**settings, **changes})


def _mount(app: web.Application, parts: Parts, path: str, operations: list[Operation]) -> web.Resource:
    resource = app.router.add_resource(path)
    allowed: list[str] = []
    for operation in operations:
        handler = operation.direct(parts, operation) if operation.direct else door(parts, operation)
        methods = ["GET", "HEAD"] if operation.method == "GET" else [operation.method]
        for method in methods:
            resource.add_route(method, handler, expect_handler=_expect)
        allowed += methods
    public = [one for one in operations if one.scope is None]
    if public:
        allowed.append("OPTIONS")
        methods = [method for one in public for method in (("GET", "HEAD") if one.method == "GET" else (one.method,))]
        resource.add_route("OPTIONS", _preflight(", ".join(methods), ", ".join(allowed)))
    resource.add_route("*", _other_method(parts, operations[0], ", ".join(allowed)), expect_handler=_expect)
    return resource


def _preflight(methods: str, allowed: str) -> Handler:
    async def preflight(_: web.Request) -> web.StreamResponse:
        headers = {**_PREFLIGHT, "Access-Control-Allow-Methods": methods, "Allow": allowed}
        return web.Response(status=204, headers=headers)

    return preflight


def _other_method(parts: Parts, operation: Operation, allowed: str) -> Handler:
    count = parts.metrics.route(operation.path).count

    async def refuse(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        error = AtTheDoor(METHOD_NOT_ALLOWED, f"This path knows {allowed}.", {"Allow": allowed})
        response = _refused(parts, operation, request, error)
        count("other", response.status, began)
        return response

    return refuse


def _nothing_here(parts: Parts) -> Handler:
    nowhere = Operation(method="GET", path="(no route)", operation_id="", summary="", tag="", is_quiet=True)
    count = parts.metrics.route(nowhere.path).count

    async def refuse(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        error = AtTheDoor(NO_SUCH_PATH, "Nothing lives at this path; /openapi.json lists those that there are.")
        response = _refused(parts, nowhere, request, error)
        count("other", response.status, began)
        return response

    return refuse


def _refused(parts: Parts, operation: Operation, request: web.Request, error: AtTheDoor) -> web.Response:
    call = Call(parts, operation, request, client.request_id(request))
    log = parts.logs.of_host(request.headers.get("Host", ""))
    if log is None:
        refused: Exception = UnknownOrigin("No log answers to this host; ask under one of the registry's origins.")
    else:
        refused, call.origin = error, parts.logs.origins[log]
    response = refusal(call, refused)
    finish_public(call, response)
    return response


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Let a client that waits for it send its body (RFC 9110, section 10.1.1)."""
    if request.version < (1, 1):
        return None
    if request.headers.get("Expect", "").lower() != "100-continue":
        parts = request.app[PARTS]
        nowhere = Operation(method="GET", path="(no route)", operation_id="", summary="", tag="", is_quiet=True)
        error = AtTheDoor(EXPECTATION_FAILED, "Expect only 100-continue, or leave the header out.")
        return _refused(parts, nowhere, request, error)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # nothing of the answer was sent yet
    return None
