"""Decentralised identifiers: did:key and did:jwk, which are their keys; did:web; and the documents we publish.

What a controller document of somebody else says is read in `verification_method.py`.

Sources: The did:key Method 0.9, did:jwk Method Specification, did:web Method Specification, W3C Controlled
Identifiers 1.0 (2025-05-15).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from registry.errors import Malformed
from registry.securing import base64url
from registry.securing.contexts import DID_V1, JWS_2020_V1, MULTIKEY_V1
from registry.securing.public_key import PublicKey
from registry.strict_json import json_object

_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)([A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+")


_KEY_PURPOSES: Final = ("assertionMethod", "authentication", "capabilityDelegation", "capabilityInvocation")
"""What the key of a did:key or did:jwk may be used for: everything that is done by signing."""
_LONGEST_DID: Final = 4096


@dataclass(frozen=True, slots=True)
class Method:
    """A verification method of ours: its id (a DID URL) and its key."""

    id: str
    public_key: PublicKey


def did_key(key: PublicKey) -> str:
    """Return the did:key of *key* (Ed25519, P-256 or P-384)."""
    return f"did:key:{key.multikey()}"


def parse_did_key(did: str) -> PublicKey:
    """Return the key that *did* is; raise `Malformed` for any other DID."""
    if not did.startswith("did:key:"):
        raise Malformed(f"{did[:80]!r} is not a did:key.")
    return PublicKey.from_multikey(did.removeprefix("did:key:"))


def parse_did_jwk(did: str) -> PublicKey:
    """Return the key that *did* is; raise `Malformed` for any other DID."""
    if not did.startswith("did:jwk:") or len(did) > _LONGEST_DID:
        raise Malformed(f"{did[:80]!r} is not a did:jwk.")
    return PublicKey.from_jwk(json_object(base64url.decode(did.removeprefix("did:jwk:"), "The did:jwk"), "The did:jwk"))


def key_method(key: PublicKey) -> Method:
    """Return the one verification method of a did:key: `did:key:z…#z…`."""
    return Method(f"{did_key(key)}#{key.multikey()}", key)


def web_method(did: str, key: PublicKey) -> Method:
    """Return a verification method of a did:web, named after its key: `did:web:…#z6Mk…`, so that ids never clash."""
    return Method(f"{did}#{key.multikey()}", key)


def resolve_here(did: str) -> dict[str, Any]:
    """Return the controller document of a did:key or did:jwk, which needs no network; raise `Malformed` for others."""
    if did.startswith("did:jwk:"):
        method_id, suite = f"{did}#0", JWS_2020_V1
        key = {"type": "JsonWebKey2020", "publicKeyJwk": parse_did_jwk(did).jwk()}
    else:
        multikey = did.removeprefix("did:key:")
        parse_did_key(did)
        method_id, suite = f"{did}#{multikey}", MULTIKEY_V1
        key = {"type": "Multikey", "publicKeyMultibase": multikey}
    return {
        "@context": [DID_V1, suite],
        "id": did,
        "verificationMethod": [{"id": method_id, "controller": did, **key}],
        **{purpose: [method_id] for purpose in _KEY_PURPOSES},
    }


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
                "publicKeyMultibase": method.public_key.multikey(),
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
