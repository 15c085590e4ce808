"""Answers that are sent in one write, head and body together, past aiohttp's own serialisation.

Only for HTTP/1.1 on a connection that stays open; every other request takes the ordinary way. What is overridden here
is aiohttp's own inside: pyproject.toml pins its version, and tests hold both ways to the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time


def can_take(request: web.BaseRequest) -> bool:
    """Whether *request* can be answered by a `Prepared`."""
    return request.version == HttpVersion11 and request.keep_alive and request.transport is not None


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return status line and headers as they go over the wire; the values must be harmless already."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _send(request: web.BaseRequest, data: bytes) -> None:
    """Send *data*, and wait while the client reads slower than we write: its backlog must not grow."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("The client has left.")
    transport.write(data)
    if request.protocol.writing_paused:
        await request.writer.drain()


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
        """Send everything."""
        await _send(request, self._data)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing more: it is all sent."""


class Unnamed(web.Response):
    """A response that does not tell which software answers; below the application no signal could take that out."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop("Server", None)


_AT_ONCE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
"""Their answers have a body, and leave the connection open."""
_STATUS_LINES = {status: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Whole(web.Response):
    """A response with its whole body, sent in one write where that can be done."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send everything at once, or begin to send as every response does."""
        body = self.body
        if not isinstance(body, bytes) or not self._can_be_whole(request):
            return await super().prepare(request)
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        if lines.count("\n") + lines.count("\r") != 2 * len(self.headers):
            raise ValueError("A header's value has a line break in it.")
        status, length, date = _STATUS_LINES[HTTPStatus(self.status)], len(body), rfc822_formatted_time()
        head = f"{status}{lines}Content-Length: {length}\r\nDate: {date}\r\n\r\n".encode()
        self._keep_alive = self._eof_sent = True
        self._body_length = length
        await _send(request, head if request.method == "HEAD" else head + body)
        return None

    def _can_be_whole(self, request: web.BaseRequest) -> bool:
        return not self.prepared and self.keep_alive is None and self.status in _AT_ONCE and can_take(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the rest, if there is one."""
        if not self._eof_sent:
            await super().write_eof(data)
