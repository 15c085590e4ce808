"""A published list as it is sent, now or of the past: its body, its entity tag, and the headers about both."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from projections.status_lists.published_list import PublishedList
from registry.http.conditional import Choice
from registry.http.door import CORS

_CONSTANT: Final = {**CORS, "Vary": "Accept, Accept-Encoding", "X-Content-Type-Options": "nosniff"}
RENEWED_S: Final = 5
"""How long a cache may answer with what it has while it asks for what is new (RFC 5861)."""
_OF_BODIES: Final = frozenset({"Content-Type", "Content-Encoding"})
"""Headers that a 304 does not have."""


def coded(published: PublishedList, choice: Choice) -> tuple[bytes, str]:
    """Return the bytes to send, and their entity tag."""
    return (published.gzip, published.gzip_etag) if choice.is_gzip else (published.body, published.etag)


def list_headers(published: PublishedList, choice: Choice, *, max_age_s: int, stale_s: int = 0) -> dict[str, str]:
    """Return the headers of a 200 that caches may keep for *max_age_s*, and *stale_s* more while we are away."""
    stale = (
        f", stale-while-revalidate={min(RENEWED_S, max_age_s // 2, stale_s)}, stale-if-error={stale_s}"
        if stale_s
        else ""
    )
    headers = {
        **_CONSTANT,
        "Content-Type": choice.media_type,
        "ETag": f'"{coded(published, choice)[1]}"',
        "Cache-Control": f"public, max-age={max_age_s}{stale}",
    }
    if choice.is_gzip:
        headers["Content-Encoding"] = "gzip"
    return headers


def without_body(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of the 304 that stands for a 200 with *headers*."""
    return {name: value for name, value in headers.items() if name not in _OF_BODIES}


def list_response(headers: dict[str, str], body: bytes, *, has_it: bool) -> web.Response:
    """Return the list, or 304 for a client that *has_it*."""
    if has_it:
        return web.Response(status=304, headers=without_body(headers))
    return web.Response(body=body, headers=headers)
