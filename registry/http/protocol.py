"""What is not HTTP gets a problem document too, and one line in the log without a trace.

aiohttp answers such messages below the application, in plain text, and logs a traceback for each: anybody could fill
the log. The protocol's hook for errors is the one place where both can be changed.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from registry.http import access
from registry.http.problems import BAD_HTTP, Problem, internal


class ProblemProtocol(RequestHandler):
    """A connection that speaks RFC 9457 also where aiohttp itself refuses."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what never reached a route, or escaped one; the connection ends with it."""
        if isinstance(exc, HttpProcessingError) or status < 500:
            access.malformed(str(message or exc))
            problem = Problem(BAD_HTTP, "The message is not HTTP/1.1, or a header is over its limit.")
        else:
            access.failed(route="(below the routes)", method="", request_id="", error=exc or RuntimeError(message))
            problem = internal()
        if request.writer.output_size > 0:
            raise ConnectionError("Part of an answer was sent already; the connection can only be closed.")
        response = problem.response(origin="", request_id="")
        response.force_close()
        return response

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Send the answer; one that aiohttp made up itself (for a target that is no path) as a problem document."""
        if isinstance(resp, web.HTTPException):
            resp = Problem(BAD_HTTP, "The request's target is no path that can exist.").response(
                origin="", request_id=""
            )
        return super().finish_response(request, resp, start_time)


class ProblemServer(web.Server):
    """Makes `ProblemProtocol` connections."""

    def __call__(self) -> RequestHandler:
        """Return the protocol of one connection."""
        return ProblemProtocol(self, loop=self._loop, **self._kwargs)


class ProblemRunner(web.AppRunner):
    """Runs an application on `ProblemServer`."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        return ProblemServer(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )
