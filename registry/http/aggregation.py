"""All Token Status Lists of an issuer: its `status_list_aggregation_endpoint` (IETF Token Status List, section 9).

Its address is the `aggregation_uri` of every such list, and a member of the issuer's entry in the directory.
"""

from __future__ import annotations

from aiohttp import web

from registry.http import paging
from registry.http.door import Call
from registry.http.issuers import slug_of


async def aggregation(call: Call) -> web.Response:
    """A page of the lists' addresses; whoever wants all of them follows `Link`."""
    entry = await call.parts.views.issuer(call.log, slug_of(call))
    page = await call.parts.views.aggregation(
        call.log,
        entry.issuer_id,
        limit=paging.limit(call.request, default=paging.MAX_LIMIT),
        cursor=paging.cursor(call.request),
    )
    answer: dict[str, object] = {"status_lists": list(page.urls)}
    if page.next_cursor is not None:
        answer["next"] = page.next_cursor
        call.headers["Link"] = paging.next_link(call.request, call.origin, page.next_cursor)
    response = call.json(answer)
    response.headers["Cache-Control"] = "no-cache"
    return response
