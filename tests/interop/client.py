"""An issuer, over HTTP like any other client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

T = TypeVar("T")
Document = dict[str, Any]
PATIENCE_S = 20
"""How long a published list may take; the service publishes five times a second."""


@dataclass(slots=True)
class Client:
    """One issuer with its key, which remembers its latest write and reads no older state."""

    service: Any
    slug: str
    key: str
    position: str = ""

    @classmethod
    async def registered(cls, service: Any, **fields: Any) -> Client:
        """Register an issuer and return its client."""
        slug, key = await service.issuer(**fields)
        return cls(service, slug, key)

    async def issue(self, document: Document, **options: str) -> Document:
        """Have *document* issued; return the verifiable credential."""
        body = {"credential": document, **({"options": options} if options else {})}
        answer = await self._ask("POST", "credentials/issue", 201, json=body)
        credential: Document = answer["verifiableCredential"]
        return credential

    async def suspend(self, credential_id: str) -> None:
        await self._ask("PUT", f"credentials/{quote(credential_id, safe='')}/suspension", 200, json={})

    async def reinstate(self, credential_id: str) -> None:
        await self._ask("DELETE", f"credentials/{quote(credential_id, safe='')}/suspension", 200)

    async def revoke(self, credential_id: str) -> None:
        body = {"reason": "issued-in-error"}
        await self._ask("PUT", f"credentials/{quote(credential_id, safe='')}/revocation", 200, json=body)

    async def supersede(self, credential_id: str, by: str) -> None:
        body = {"by": by}
        await self._ask("PUT", f"credentials/{quote(credential_id, safe='')}/supersession", 200, json=body)

    async def set_message(self, credential_id: str, status: str) -> None:
        body = {"status": status}
        await self._ask("PUT", f"credentials/{quote(credential_id, safe='')}/message", 200, json=body)

    async def add_list(self, purpose: str, **shape: Any) -> None:
        """Give the issuer's sets a list of *purpose*."""
        await self._ask("PUT", f"status-lists/{purpose}", 200, json=shape)

    async def add_token_list(self, bits: int) -> None:
        """Give the issuer's sets a token list."""
        await self.add_list("token", statusSize=bits)

    async def looked_up(self, credential_id: str) -> str:
        """Return where the credential stands, as anybody may ask, in both forms of the lookup."""
        headers = {"Registry-Position": self.position} if self.position else {}
        path = f"/credentials/{quote(credential_id, safe='')}/status"
        _, one = await self.service.ask("GET", path, key="", headers=headers)
        query = {"queries": [{"credentialId": credential_id, "issuer": self.slug}]}
        _, many = await self.service.ask("POST", "/status-lookups", key="", json=query, headers=headers)
        assert one.get("status") == many["results"][0]["status"], (one, many)
        return str(one["status"])

    async def _ask(self, method: str, path: str, wanted: int, **how: Any) -> Any:
        url = f"{self.service.url}/issuers/{self.slug}/{path}"

        async def attempt() -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer {self.key}"}
            async with self.service.session.request(method, url, headers=headers, **how) as response:
                self.position = response.headers.get("Registry-Position", self.position)
                return response.status, await response.json(content_type=None)

        # a service that has only just started asks its clients to come again
        status, answer = await eventually(attempt, lambda got: got[0] != 503)
        assert status == wanted, answer
        return answer


async def eventually(attempt: Callable[[], Any], is_good: Callable[[Any], bool]) -> Any:
    """Return the first good result of *attempt* (awaited where it is a coroutine), or the last one in the end."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        result = attempt()
        if asyncio.iscoroutine(result):
            result = await result
        if is_good(result) or asyncio.get_running_loop().time() > deadline:
            return result
        await asyncio.sleep(0.05)
