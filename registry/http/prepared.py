"""An answer whose bytes are ready: head and body in one write, where aiohttp would serialise the head anew.

Only for HTTP/1.1 on a connection that stays open; every other request takes the ordinary way.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter


def can_take(request: web.BaseRequest) -> bool:
    """Whether *request* can be answered by a `Prepared`."""
    return request.version == HttpVersion11 and request.keep_alive and request.transport is not None


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return status line and headers as they go over the wire; the values must be harmless already."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class Prepared(web.StreamResponse):
    """Sends *data*, a whole answer with its Content-Length and its Date, as it is.

    It keeps nothing of a request, so one instance answers any number of them, also at the same time.
    """

    def __init__(self, status: int, data: bytes) -> None:
        super().__init__(status=status)
        self._data = data
        self._keep_alive = True
        self._eof_sent = True
        self._body_length = len(data)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send everything, and wait while the client reads slower than we write: its backlog must not grow."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("The client has left.")
        transport.write(self._data)
        if request.protocol.writing_paused:
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing more: it is all sent."""
