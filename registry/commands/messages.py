"""Messages over a stream: each is four bytes of length and then its content; all of one turn of the loop go together.

One system call then carries what many callers asked in the meantime, which is what makes handing over cheap.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one message; ours stay far below it, and a peer that announces more is not one of ours."""

_LENGTH: Final = struct.Struct(">I")
_CREDENTIALS: Final = struct.Struct("3i")
"""`struct ucred` of unix(7): process, user and group."""


class Messages(asyncio.Protocol):
    """One connection; *heard* is called with each message, in their order."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._transport: asyncio.Transport | None = None
        self._come_in = bytearray()
        self._go_out: list[bytes] = []
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        """End; what was not sent is lost."""
        self._transport = None
        self._go_out.clear()
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        """Hand on every message that is whole."""
        buffer = self._come_in
        buffer += data
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if length > MOST_BYTES:
                self.close()
                return
            end = at + _LENGTH.size + length
            if end > len(buffer):
                break
            self._heard(bytes(memoryview(buffer)[at + _LENGTH.size : end]))
            at = end
        del buffer[:at]

    def send(self, message: bytes) -> None:
        """Send *message* at the end of this turn of the loop; on a connection that has ended, nothing happens."""
        if len(message) > MOST_BYTES:
            raise ValueError(f"a message of {len(message)} bytes is too long")
        if not self._go_out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._go_out += (_LENGTH.pack(len(message)), message)

    def _flush(self) -> None:
        if self._transport is not None and self._go_out:
            self._transport.write(b"".join(self._go_out))
        self._go_out.clear()

    def close(self) -> None:
        """End the connection, having sent what was to be sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def peer_user(self) -> int:
        """Return the user id that the process at the other end runs under, as the kernel says (SO_PEERCRED)."""
        assert self._transport is not None, "the connection was made"
        one = self._transport.get_extra_info("socket")
        given = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return int(_CREDENTIALS.unpack(given)[1])
