"""Who is calling, and for which issuer they may speak.

The tenant comes from the key, never from path or body alone. On another issuer's path, a key gets 404 for what it
may not see and 403 for what it may not do; an operator's key may do all that an issuer's may, in its name.
"""

from __future__ import annotations

import re
from typing import Protocol
from uuid import UUID

from aiohttp import web

from registry.domain.names import IssuerId
from registry.errors import Forbidden, Unauthenticated, UnknownIssuer

OPERATOR = "operator"
ISSUE = "credentials:issue"
STATUS = "credentials:status"
READ = "credentials:read"
"""What a key may be for; the same words as in the vault."""
BATCH = f"{ISSUE} {STATUS}"
"""Either of them lets a batch in; each row asks for its own."""

_BEARER = re.compile(r"Bearer +([A-Za-z0-9\-._~+/]{1,256}=*)", re.IGNORECASE | re.ASCII)
_SAFE = frozenset({"GET", "HEAD"})


class Caller(Protocol):
    """Whose key was presented."""

    @property
    def key_id(self) -> str:
        """The key's public id."""

    @property
    def issuer(self) -> UUID | None:
        """The issuer that the key speaks for; None for an operator's."""

    @property
    def scopes(self) -> frozenset[str]:
        """What the key is for."""


def presented_key(request: web.Request) -> str:
    """Return the Bearer token (RFC 6750, section 2.1); raise `Unauthenticated`."""
    given = request.headers.getall("Authorization", [])
    if not given:
        raise Unauthenticated("This needs an API key; send it as `Authorization: Bearer …`.", reason="missing")
    if len(given) > 1 or (found := _BEARER.fullmatch(given[0].strip())) is None:
        raise Unauthenticated("The Authorization header is not of the form `Bearer <key>`.", reason="malformed")
    return found[1]


def require_scope(caller: Caller, scope: str) -> None:
    """Raise `Forbidden` unless the key is for *scope* (one of several); an operator's is for all of them."""
    if not caller.scopes.isdisjoint(scope.split()) or (OPERATOR in caller.scopes and caller.issuer is None):
        return
    headers = {"WWW-Authenticate": f'Bearer realm="registry", error="insufficient_scope", scope="{scope}"'}
    raise Forbidden(
        f"The API key is good, but not for this; it lacks the scope {' or '.join(scope.split())}.", headers=headers
    )


def require_tenant(caller: Caller, issuer_id: IssuerId, *, method: str, slug: str) -> None:
    """Raise `UnknownIssuer` (for a look) or `Forbidden` (for a deed) unless the key speaks for the issuer."""
    if caller.issuer is None or caller.issuer == issuer_id:
        return
    if method in _SAFE:
        raise UnknownIssuer(f"No issuer is registered under {slug!r}.")
    raise Forbidden("The API key speaks for another issuer.")
