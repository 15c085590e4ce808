"""Long answers, sent piece by piece to whoever reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from registry.http.door import Call, finish_private, finish_public

WRITE_TIMEOUT_S = 30
"""For one piece; whoever reads slower than this is cut off."""


async def sent(call: Call, response: web.StreamResponse, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send *pieces*; once it was begun, a failure can only cut the answer short, so that nobody takes it for whole."""
    finish = finish_public if call.operation.scope is None else finish_private
    finish(call, response)
    await response.prepare(call.request)
    try:
        async for piece in pieces:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await response.write(piece)
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        _cut(call)  # the reader went away, or does not read
    except BaseException:
        _cut(call)
        raise
    return response


def _cut(call: Call) -> None:
    if call.request.transport is not None:
        call.request.transport.abort()
