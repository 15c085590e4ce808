"""Reading a request's body: its media type, its size, its time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiohttp import StreamReader, web

from registry.errors import Malformed, TooLarge, UnsupportedMediaType
from registry.http.bodies import AnyBody, read, read_beside
from registry.http.problems import BODY_TIMEOUT, AtTheDoor

DOCUMENT_TYPES = frozenset({"application/ld+json", "application/vc", "application/vp"})
"""A credential or presentation may be sent as it is under these; they are JSON, too."""

JSON_TYPES = frozenset({"application/json", *DOCUMENT_TYPES})
"""All are JSON, and read as such."""


async def body(request: web.Request, limit: int, timeout_s: float, raw_types: Collection[str] = ()) -> bytes:
    """Return the body, at most *limit* bytes and within *timeout_s*, as it was sent.

    It is JSON, or of one of *raw_types*. Raises `UnsupportedMediaType` for a compressed body (one small one can stall
    everybody) or another media type, `TooLarge`, and the door's 408.
    """
    if raw_types and request.content_type in raw_types:
        require_uncompressed(request)
    elif request.headers.get("Content-Type") != "application/json" or "Content-Encoding" in request.headers:
        require_plain_json(request)
    length = request.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    if length and (whole := _arrived(request.content, length)) is not None:
        return whole
    return await _awaited(request, limit, timeout_s)


def _arrived(content: StreamReader, length: int) -> bytes | None:
    """Return a body of *length* bytes if all of it is there: most are, in one packet with their head."""
    if content.exception() is not None or not content.is_eof() or content.total_bytes != length:
        return None
    return content.read_nowait()


async def _awaited(request: web.Request, limit: int, timeout_s: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            while chunk := await request.content.readany():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise AtTheDoor(BODY_TIMEOUT, f"The body did not arrive within {timeout_s:g} s.") from None
    except web.RequestPayloadError:
        raise Malformed("The body ends before it is complete, or its chunks are damaged.") from None
    return b"".join(chunks)


def require_plain_json(request: web.Request) -> None:
    """Raise `UnsupportedMediaType` unless the body, if there is one, is JSON in UTF-8 and not compressed."""
    require_uncompressed(request)
    if not request.body_exists:  # many clients name a type also for no body at all
        return
    if request.content_type not in JSON_TYPES or "Content-Type" not in request.headers:
        raise UnsupportedMediaType("Send the body as application/json.")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("JSON is UTF-8 (RFC 8259, section 8.1); send no other charset.")


def require_uncompressed(request: web.Request) -> None:
    """Raise `UnsupportedMediaType` for any Content-Encoding, whatever the body."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body uncompressed, without Content-Encoding.")


def is_document(request: web.Request) -> bool:
    """Whether the body's media type says that it may be the document itself."""
    return request.content_type in DOCUMENT_TYPES


async def parsed(model: type[AnyBody], raw: bytes, *, is_optional: bool, is_document: bool = False) -> AnyBody:
    """Return *raw* as *model*; an empty body is the empty object where it *is_optional*. Raises `Malformed`."""
    if not raw and is_optional:
        return read(model, b"{}")
    return await read_beside(model, raw, is_document=is_document)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {limit} bytes.", limitBytes=limit)
