"""Decentralised identifiers: did:key for Ed25519, did:web, and the controller documents of the latter.

Sources: The did:key Method 0.9, did:web Method Specification, W3C Controlled Identifiers 1.0 (2025-05-15).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import base58

from registry.errors import Malformed
from registry.securing.contexts import DID_V1, MULTIKEY_V1

_ED25519_PUB: Final = bytes((0xED, 0x01))
"""Multicodec prefix of an Ed25519 public key, as a varint."""
_KEY_BYTES: Final = 32
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)([A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Method:
    """A verification method: its id (a DID URL) and the raw Ed25519 public key (32 bytes)."""

    id: str
    public_key: bytes


def multikey(public_key: bytes) -> str:
    """Return the Multikey text (`z6Mk…`) of a raw Ed25519 *public_key* (Controlled Identifiers, section 2.2.2)."""
    if len(public_key) != _KEY_BYTES:
        raise ValueError(f"An Ed25519 public key has {_KEY_BYTES} bytes, not {len(public_key)}.")
    return "z" + base58.b58encode(_ED25519_PUB + public_key).decode()


def public_key_of(text: str) -> bytes:
    """Return the raw Ed25519 public key in the Multikey *text*; raise `Malformed` for anything else."""
    try:
        decoded = base58.b58decode(text[1:]) if text.startswith("z") and len(text) < 64 else b""
    except ValueError:
        decoded = b""
    if len(decoded) != _KEY_BYTES + 2 or not decoded.startswith(_ED25519_PUB):
        raise Malformed(f"{text[:80]!r} is not an Ed25519 public key in Multikey form (z6Mk…).")
    return decoded[2:]


def did_key(public_key: bytes) -> str:
    """Return the did:key of a raw Ed25519 *public_key*."""
    return f"did:key:{multikey(public_key)}"


def parse_did_key(did: str) -> bytes:
    """Return the raw Ed25519 public key that *did* is; raise `Malformed` for any other DID."""
    if not did.startswith("did:key:"):
        raise Malformed(f"{did[:80]!r} is not a did:key.")
    return public_key_of(did.removeprefix("did:key:"))


def key_method(public_key: bytes) -> Method:
    """Return the one verification method of a did:key: `did:key:z…#z…`."""
    return Method(f"{did_key(public_key)}#{multikey(public_key)}", public_key)


def web_method(did: str, public_key: bytes) -> Method:
    """Return a verification method of a did:web, named after its key: `did:web:…#z6Mk…`, so that ids never clash."""
    return Method(f"{did}#{multikey(public_key)}", public_key)


def did_web(origin: str, path: str = "") -> str:
    """Return the did:web whose document lies at *origin* + *path* + `/did.json`.

    `did_web("https://example.org:8443", "/issuers/acme")` is `did:web:example.org%3A8443:issuers:acme`; without a
    path the document is at `/.well-known/did.json`. Raises `ValueError` for an origin that did:web cannot name:
    it needs https and a host name.
    """
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if parts.scheme != "https" or parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"did:web needs an origin like https://example.org, not {origin}.")
    if not _is_host_name(host):
        raise ValueError(f"did:web needs a host name; {host!r} is none.")
    segments = [segment for segment in path.split("/") if segment]
    if bad := [segment for segment in segments if not _SEGMENT.fullmatch(segment)]:
        raise ValueError(f"did:web cannot name the path segment {bad[0]!r}.")
    authority = host if parts.port in {None, 443} else f"{host}%3A{parts.port}"
    return ":".join(["did:web", authority, *segments])


def did_web_url(did: str) -> str:
    """Return the https URL of the document that *did* (a did:web) names; raise `Malformed` for any other DID."""
    authority, *segments = did.removeprefix("did:web:").split(":")
    host, _, port = unquote(authority).partition(":")
    if (
        not did.startswith("did:web:")
        or not _is_host_name(host)
        or (port and not (port.isdecimal() and port.isascii() and 0 < int(port) < 2**16))
        or authority.lower() != quote(f"{host}:{port}" if port else host, safe="").lower()
        or not all(_SEGMENT.fullmatch(segment) for segment in segments)
    ):
        raise Malformed(f"{did[:200]!r} is not a did:web.")
    path = "/".join(segments) or ".well-known"
    return f"https://{host}{':' if port else ''}{port}/{path}/did.json"


def controller_document(did: str, methods: Sequence[Method]) -> dict[str, Any]:
    """Return the controller document of *did*: every one of *methods* may sign credentials (assertionMethod).

    Raises `ValueError` for a method that belongs to another DID.
    """
    if foreign := [method.id for method in methods if not method.id.startswith(f"{did}#")]:
        raise ValueError(f"{foreign[0]} is not a verification method of {did}.")
    return {
        "@context": [DID_V1, MULTIKEY_V1],
        "id": did,
        "verificationMethod": [
            {
                "id": method.id,
                "type": "Multikey",
                "controller": did,
                "publicKeyMultibase": multikey(method.public_key),
            }
            for method in methods
        ],
        "assertionMethod": [method.id for method in methods],
    }


def _is_host_name(host: str) -> bool:
    """Return whether *host* is a lower-case host name and no address (did:web, section 3.1)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return False
