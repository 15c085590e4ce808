"""Answers of hosts that mean harm, as they go over the wire."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat

from tests.verifier.elsewhere import Writer, answer

_ZEROS = bytes(1 << 20)


def gzip_bomb(mib: int = 32) -> bytes:
    """*mib* MiB of zeros in a thousandth of that."""
    packed = zlib.compressobj(9, wbits=31)
    return b"".join([*(packed.compress(one) for one in repeat(_ZEROS, mib)), packed.flush()])


def in_pieces(piece: bytes, *, head: bytes, every_s: float) -> Writer:
    """Sends *head*, and then *piece* for ever."""

    async def write(writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(head)
            while not writer.is_closing():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_s)

    return write


def _silent() -> Writer:
    async def write(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    return write


_OK = b"HTTP/1.1 200 -\r\nContent-Type: application/json\r\n"
_LATER = {"Location": "https://lists.example/secret"}

BODIES: dict[str, Callable[[], bytes | Writer]] = {
    "a gzip bomb": lambda: answer(gzip_bomb(), Content_Encoding="gzip"),
    "a gzip bomb that is said to be deflate": lambda: answer(gzip_bomb(), Content_Encoding="deflate"),
    "a zlib bomb": lambda: answer(zlib.compress(bytes(32 << 20), 9), Content_Encoding="deflate"),
    "a bomb behind a harmless member": lambda: answer(gzip.compress(b"{}") + gzip_bomb(8), Content_Encoding="gzip"),
    "two harmless members": lambda: answer(gzip.compress(b"{}") + gzip.compress(b" "), Content_Encoding="gzip"),
    "something behind the member": lambda: answer(gzip.compress(b"{}") + b"\0" * 8, Content_Encoding="gzip"),
    "gzip in gzip": lambda: answer(gzip.compress(gzip.compress(b"{}")), Content_Encoding="gzip, gzip"),
    "another coding": lambda: answer(b"{}", Content_Encoding="br"),
    "no gzip": lambda: answer(b"{}", Content_Encoding="gzip"),
    "gzip cut short": lambda: answer(gzip.compress(b"{}" * 999)[:-9], Content_Encoding="gzip"),
    "gzip with a wrong checksum": lambda: answer(gzip.compress(b"{}")[:-8] + bytes(8), Content_Encoding="gzip"),
    "too long, and says so": lambda: answer(b"{}", Content_Length=str(3 << 20)),
    "too long, and does not say so": lambda: _OK + b"Connection: close\r\n\r\n" + bytes(3 << 20),
    "endless": lambda: in_pieces(_ZEROS, head=_OK + b"\r\n", every_s=0),
    "endless chunks": lambda: in_pieces(b"1\r\nx\r\n", head=_OK + b"Transfer-Encoding: chunked\r\n\r\n", every_s=0.01),
    "endless headers": lambda: in_pieces(b"X: " + b"x" * 4096 + b"\r\n", head=_OK, every_s=0),
    "one header without end": lambda: in_pieces(b"x" * 65536, head=_OK + b"X: ", every_s=0),
    "a byte at a time": lambda: in_pieces(b" ", head=_OK + b"Content-Length: 100000\r\n\r\n", every_s=0.05),
    "a header's byte at a time": lambda: in_pieces(b"x", head=b"HTTP/1.1 200 ", every_s=0.05),
    "silence": _silent,
    "informational answers without end": lambda: in_pieces(b"HTTP/1.1 103 -\r\n\r\n", head=b"", every_s=0.001),
    "shorter than it says": lambda: answer(b"{}", Content_Length="10"),
    "a length that is none": lambda: answer(b"{}", Content_Length="-2"),
    "two lengths": lambda: _OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a length and chunks": lambda: _OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks of a size that is none": lambda: _OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "no HTTP": lambda: b"SSH-2.0-OpenSSH_9.9\r\n",
    "nothing": lambda: b"",
    "a redirect": lambda: answer(b"", status=302, **_LATER),
    "a permanent redirect": lambda: answer(b"", status=308, **_LATER),
    "a redirect to our network": lambda: answer(b"", status=301, Location="https://169.254.169.254/latest/meta-data/"),
    "a redirect to a file": lambda: answer(b"", status=302, Location="file:///etc/passwd"),
    "a redirect by refresh": lambda: answer(b"", status=204, Refresh="0; url=https://lists.example/secret"),
    "a page": lambda: answer(b"<html>", "text/html"),
    "no type": lambda: b"HTTP/1.1 200 -\r\nContent-Length: 2\r\n\r\n{}",
    "a part": lambda: answer(b"{}", status=206),
    "an upgrade": lambda: answer(b"", status=101, Upgrade="websocket", Connection="upgrade"),
    "an error with a body": lambda: answer(b"{}", status=500),
}
"""Named by what is wrong with each; none of them is a document that may be taken."""
