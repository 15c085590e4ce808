"""One request of a coordinator: who it speaks for, what it sent, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from registry.commands.idempotency import Asked
from registry.domain.names import IssuerId, LogName, Slug
from registry.http.parts import Parts

ACTOR = "system:dcc"
"""Who is recorded as having acted: the interface tells nobody apart."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """The one issuer that a listener speaks for."""

    log: LogName
    slug: Slug
    token: str | None = field(default=None, repr=False)
    """The Bearer token that whoever wants a change must present; None: reaching the port is enough."""


@dataclass(slots=True)
class Exchange:
    """A request, admitted."""

    parts: Parts
    tenant: Tenant
    request: web.Request
    request_id: str
    document: dict[str, Any] = field(default_factory=dict)
    """The JSON object in its body; empty without one."""

    async def issuer_id(self) -> IssuerId:
        """Return the tenant's issuer; raise `UnknownIssuer`."""
        return await self.parts.commands.issuer_id(self.tenant.log, self.tenant.slug)

    def asked(self, issuer_id: IssuerId) -> Asked:
        """Return the circumstances of a command; coordinators know no Idempotency-Key."""
        return Asked(self.tenant.log, ACTOR, f"issuer/{issuer_id}", self.request_id)


def answer(content: Any, status: int = 200) -> web.Response:
    """Return *content* as a JSON answer that nobody keeps."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=orjson.dumps(content), status=status, headers=headers)
