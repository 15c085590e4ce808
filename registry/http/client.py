"""What the request's headers say about the request itself: its id, its origin, its promise, what it wants to see."""

from __future__ import annotations

import hashlib
import re
import struct
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from random import getrandbits

from aiohttp import web

from registry.domain.names import LogName
from registry.errors import Malformed
from registry.http.limits import address_key

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=:-]{1,64}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_POSITION = re.compile(r"([a-z][a-z0-9-]{0,31}):([0-9]{1,18})", re.ASCII)

_LENGTH = struct.Struct(">Q").pack

Networks = tuple[IPv4Network | IPv6Network, ...]


def request_id(request: web.BaseRequest) -> str:
    """Return the caller's `X-Request-Id` if it is 1 to 64 harmless characters, else 128 random bits in hexadecimal.

    They are to be told apart, not kept secret: the system's randomness would cost a lookup a fortieth.
    """
    given = request.headers.get("X-Request-Id")
    return given if given and _REQUEST_ID.fullmatch(given) else f"{getrandbits(128):032x}"


def idempotency_key(request: web.Request) -> str | None:
    """Return the `Idempotency-Key`, or None; raise `Malformed` unless it is 1 to 255 visible ASCII characters."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    if len(given) > 1 or not _IDEMPOTENCY_KEY.fullmatch(given[0]):
        raise Malformed("An Idempotency-Key is one header of 1 to 255 visible ASCII characters.")
    return given[0]


def request_hash(request: web.Request, template: str, raw: bytes) -> bytes:
    """Return SHA-256 over what makes the request this request: method, path template, path parameters, body.

    Each part comes with its length, so that no two requests look alike.
    """
    texts = [request.method, template]
    for param in sorted(request.match_info.items()):
        texts += param
    parts = [text.encode() for text in texts]
    parts.append(raw)
    return hashlib.sha256(b"".join([piece for part in parts for piece in (_LENGTH(len(part)), part)])).digest()


def wanted_position(request: web.Request, log: LogName) -> int:
    """Return the position that the caller must see (`Registry-Position: <log>:<position>`), or 0; raise `Malformed`."""
    given = request.headers.get("Registry-Position")
    if given is None:
        return 0
    found = _POSITION.fullmatch(given)
    if found is None or found[1] != log:
        raise Malformed(f"Registry-Position is written like {log}:42, as a write answered it.")
    return int(found[2])


def address(request: web.Request, trusted: Networks) -> str:
    """Return whom an anonymous request counts for: the peer, or the nearest address that *trusted* proxies tell of."""
    peer = request.remote or "local"
    if trusted and _is_in(peer, trusted):
        for hop in reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(",")):
            if hop.strip() and not _is_in(peer := hop.strip(), trusted):
                break
    return address_key(peer)


@lru_cache(maxsize=4096)
def _is_in(text: str, networks: Networks) -> bool:
    try:
        parsed = ip_address(text)
    except ValueError:
        return text == "local"  # a unix socket: whoever may write to it is as near as a proxy gets
    return any(parsed in network for network in networks)
