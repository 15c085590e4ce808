"""Which URLs may be fetched at all, judged as text: what is doubtful between two parsers is refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from registry.errors import RemoteRefused

MAX_URL_CHARACTERS: Final = 2048
PORTS: Final = frozenset({443, 8443})
"""Where https is served; another port only for a host that the operator named with it."""

_URL: Final = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?](?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?)"
)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NEVER_PUBLIC: Final = frozenset(
    {"localhost", "local", "internal", "intranet", "lan", "home", "corp", "onion", "invalid", "test", "alt"}
)
"""Names that no public name server answers (RFC 6761, RFC 7686, RFC 9476), or that mean an inner network."""


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """A URL that may be fetched."""

    text: str
    """With its host in lower case; no user, no fragment."""
    host: str
    port: int
    is_named: bool
    """The operator named its host: it may lie in a private network."""


def remote_url(text: str, named: Collection[str] = frozenset()) -> RemoteUrl:
    """Return *text* judged; *named* are the hosts (`host` or `host:port`) that the operator trusts in its network.

    Raises `RemoteRefused` for anything but https, a user, a fragment, characters outside RFC 3986 (a unicode host
    is written as punycode), an IP address in any spelling, a name without a dot or from an inner network, another
    port, and more than 2,048 characters.
    """
    if len(text) > MAX_URL_CHARACTERS:
        raise RemoteRefused(f"A URL of more than {MAX_URL_CHARACTERS} characters is not fetched.")
    match = _URL.fullmatch(text)
    if match is None:
        raise RemoteRefused(
            f"{text[:100]!r} is not fetched: only https URLs without user, fragment and foreign characters are."
        )
    host, port = match["host"].lower(), int(match["port"] or 443)
    is_named = host in named or f"{host}:{port}" in named
    if not 0 < port < 2**16 or (port not in PORTS and f"{host}:{port}" not in named):
        raise RemoteRefused(f"Nothing is fetched from port {port}; https is served on 443 or 8443.")
    if not is_named and not _is_public_name(host):
        raise RemoteRefused(f"{host[:100]!r} is not fetched from: it is no public host name.")
    authority = host if match["port"] is None else f"{host}:{port}"
    return RemoteUrl(f"https://{authority}{match['rest']}", host, port, is_named)


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    return (
        len(host) <= 253
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not _NUMBER.fullmatch(labels[-1])
        and labels[-1] not in _NEVER_PUBLIC
        and labels[-2:] != ["home", "arpa"]
    )
