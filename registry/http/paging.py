"""Queries of the URL: bounded, judged by name, and continued by a cursor (RFC 8288 `Link`)."""

from __future__ import annotations

import re
from collections.abc import Collection

from aiohttp import web

from registry.errors import Malformed

MAX_LIMIT = 200
_CURSOR = re.compile(r"[\x21-\x7e]{1,2048}", re.ASCII)


def text(request: web.Request, name: str, *, longest: int = 200) -> str | None:
    """Return a parameter of the query, or None where it is missing or empty; raise `Malformed`."""
    given = request.query.get(name)
    if not given:
        return None
    if len(given) > longest or any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in given):
        raise Malformed(f"`{name}` has at most {longest} characters, and no control characters.", parameter=name)
    return given


def one_of(request: web.Request, name: str, possible: Collection[str]) -> str | None:
    """Return a parameter that is one of *possible*, or None where it is missing; raise `Malformed`."""
    given = request.query.get(name)
    if given is None:
        return None
    if given not in possible:
        raise Malformed(f"`{name}` is one of {', '.join(possible)}.", parameter=name)
    return given


def limit(request: web.Request, *, default: int = 50) -> int:
    """Return how many entries a page may have: 1 to 200; raise `Malformed`."""
    given = request.query.getall("limit", [])
    if not given:
        return default
    if len(given) > 1 or not re.fullmatch(r"[0-9]{1,4}", given[0], re.ASCII) or not 1 <= int(given[0]) <= MAX_LIMIT:
        raise Malformed(f"`limit` is a number from 1 to {MAX_LIMIT}.", parameter="limit")
    return int(given[0])


def cursor(request: web.Request) -> str | None:
    """Return where the page begins, as the page before it said; raise `Malformed`."""
    given = request.query.get("cursor")
    if not given:
        return None
    if not _CURSOR.fullmatch(given):
        raise Malformed("`cursor` is the text that the page before gave as `next`.", parameter="cursor")
    return given


def next_link(request: web.Request, origin: str, following: str) -> str:
    """Return the `Link` header of the page that begins at *following*."""
    url = request.rel_url.update_query(cursor=following)
    return f'<{origin}{url.raw_path_qs}>; rel="next"'
