"""What the service says about itself: its description, and what its problems mean."""

from __future__ import annotations

from aiohttp import web

from registry.errors import NotFound
from registry.http import problems
from registry.http.door import Call
from registry.http.openapi import DESCRIPTION

_KINDS = {kind.slug: kind for kind in problems.kinds()}
_AN_HOUR = "public, max-age=3600"


async def openapi(call: Call) -> web.Response:
    """The OpenAPI 3.1 description of every route."""
    return _lasting(call.rendered(call.request.app[DESCRIPTION][call.log]))


async def problem(call: Call) -> web.Response:
    """What a kind of problem means: where its `type` leads to."""
    kind = _KINDS.get(call.request.match_info["kind"])
    if kind is None:
        raise NotFound("There is no such kind of problem.")
    answer = {"type": f"{call.origin}/problems/{kind.slug}", "title": kind.title, "status": kind.status}
    return _lasting(call.json(answer))


def _lasting(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = _AN_HOUR
    return response
